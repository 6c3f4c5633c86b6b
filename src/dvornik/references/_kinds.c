/* The shape of a name that is ASCII: kinds.py's in C. */

#include "_inner.h"

#define LAST_SUFFIX 8  /* signs of it, and of the one before: kinds._ENDING */
#define FIRST_SUFFIX 4
#define DIGEST 12 /* kinds._LEAST_DIGEST */
#define SIZE_DIGITS 5
#define SIZE_MOST (2 * SIZE_DIGITS + 1)
#define SIZED '~' /* kinds.SIZED */
#define RANDOM 16 /* kinds._LEAST_RANDOM */

static int is_digit(unsigned char letter) { return letter >= '0' && letter <= '9'; }
static int is_upper(unsigned char letter) { return letter >= 'A' && letter <= 'Z'; }

/* Return where a suffix of at most so many letters and digits begins that ends at `end`; `end` where there is none. */
static size_t suffix_of(bytes name, size_t end, size_t most) {
    size_t begin = end;
    while (begin && is_alnum(name[begin - 1]) && end - begin <= most)
        begin--;
    return begin < end && end - begin <= most && begin && name[begin - 1] == '.' && !is_digit(name[begin]) ? begin - 1 : end;
}

struct part {
    size_t length;
    int is_word, is_hex, follows_dash;
};

/* Tell whether the last five parts are a UUID. */
static int is_uuid(const struct part *parts, size_t count) {
    static const size_t lengths[] = {8, 4, 4, 4, 12};
    for (size_t at = 0; at < 5; at++) {
        const struct part *part = &parts[(count - 5 + at) % 5];
        if (part->length != lengths[at] || !part->is_hex || (at && !part->follows_dash))
            return 0;
    }
    return 1;
}

static unsigned char class_of_stem(bytes stem, size_t length) {
    struct part parts[5] = {{0}};
    size_t count = 0, since = 0, words = 0, digests = 0, numbers = 0, letters = 0, changes = 0, flips = 0;
    for (size_t at = 0; at < length;) {
        if (!is_alnum(stem[at])) {
            at++;
            continue;
        }
        size_t begin = at, digits = 0;
        int is_all_hex = 1;
        for (; at < length && is_alnum(stem[at]); at++) {
            int digit = is_digit(stem[at]);
            digits += (size_t)digit;
            is_all_hex &= is_hex(stem[at]);
            if (at > begin) {
                int flip = digit != is_digit(stem[at - 1]);
                flips += (size_t)flip;
                changes += (size_t)(flip || is_upper(stem[at]) != is_upper(stem[at - 1]));
            }
        }
        size_t size = at - begin;
        struct part *part = &parts[count++ % 5];
        *part = (struct part){size, !digits && size > 2, is_all_hex, begin && stem[begin - 1] == '-'};
        letters += size;
        words += (size_t)part->is_word;
        numbers += digits == size;
        digests += is_all_hex && size >= DIGEST && digits && digits < size;
        if (count - since >= 5 && is_uuid(parts, count)) {
            for (size_t each = 0; each < 5; each++)
                words -= (size_t)parts[each].is_word;
            digests++;
            since = count;
        }
    }
    if (digests)
        return words ? 'H' : 'h';
    if (count && numbers == count)
        return count == 1 ? 'n' : 'N';
    return !words && letters >= RANDOM && changes >= 6 && flips >= 2 ? 'r' : 'w';
}

/* Return where a rendition's size behind a name begins (-150x150, _800w, @2x), or else its end: kinds._SIZE. */
static size_t without_size(bytes name, size_t end) {
    size_t begin = end, letters;
    while (begin && is_alnum(name[begin - 1]) && end - begin <= SIZE_MOST)
        begin--;
    if (begin < 2 || end - begin < 2 || end - begin > SIZE_MOST || !strchr("-_.@", name[begin - 1]))
        return end;
    size_t at = begin, before, behind;
    while (at < end && is_digit(name[at]))
        at++;
    before = at - begin;
    letters = at;
    while (at < end && !is_digit(name[at]))
        at++;
    letters = at - letters;
    behind = end - at;
    while (at < end && is_digit(name[at]))
        at++;
    bytes unit = name + begin + before;
    if (at < end || before > SIZE_DIGITS || behind > SIZE_DIGITS)
        return end;
    if (letters == 1 && lower[unit[0]] == 'x')
        return before || behind ? begin - 1 : end;
    if (before && !behind && ((letters == 1 && lower[unit[0]] == 'w') || (letters == 2 && lower[unit[0]] == 'p' && lower[unit[1]] == 'x')))
        return begin - 1;
    return end;
}

size_t kind_of(bytes name, size_t length, unsigned char *out) {
    size_t end = suffix_of(name, length, LAST_SUFFIX), first = end;
    out[0] = '.';
    if (length && name[0] == '.')
        return 1;
    if (end < length)
        first = suffix_of(name, end, FIRST_SUFFIX);
    size_t stem = without_size(name, first), size = 1;
    out[0] = class_of_stem(name, stem);
    if (stem < first)
        out[size++] = SIZED;
    for (size_t at = first; at < length; at++)
        out[size++] = lower[name[at]];
    return size;
}
