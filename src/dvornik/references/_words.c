/* The words of a text that are tokens of names: names.py's and words.py's in C. */

#include "_texts.h"

#define LONGEST_RUN 300 /* bytes of a word that is judged here; tokens are shorter than a name may be */

long fold(const struct texts *texts, bytes at, size_t length, unsigned char *out) {
    unsigned char *end = out;
    for (bytes stop = at + length; at < stop;) {
        if (*at < 0x80) {
            *end++ = lower[*at++];
            continue;
        }
        unsigned letter = *at < 0xE0 ? folded(texts, at) : is_punctuation(at) ? PUNCTUATION : 0;
        at += *at < 0xE0 ? 2 : 3;
        if (!letter)
            return -1;
        if (letter >= 0x80 && letter != PUNCTUATION)
            *end++ = (unsigned char)(0xC0 | letter >> 6);
        *end++ = (unsigned char)(letter == PUNCTUATION ? ' ' : letter < 0x80 ? letter : 0x80 | (letter & 0x3F));
    }
    return end - out;
}

/* Tell whether one of the listed names' endings may follow the dot. */
static int is_ending(const struct texts *texts, bytes at, size_t length, size_t dot) {
    unsigned char ending[256];
    size_t begin = dot + 1, size = 0;
    while (begin < length && (at[begin] == '_' || at[begin] == '-'))
        begin++;
    while (begin + size < length && is_alnum(at[begin + size]))
        size++;
    if (begin + size < length && at[begin + size] >= 0x80) { /* it may be a part of the ending, once it is folded */
        bytes next = at + begin + size;
        unsigned letter = *next < 0xE0 ? folded(texts, next) : is_punctuation(next) ? PUNCTUATION : 0;
        if (letter < 0x80 || (letter != PUNCTUATION && texts->wide_endings))
            return 1;
    }
    if (!size || size > sizeof ending)
        return 0;
    for (size_t next = 0; next < size; next++)
        ending[next] = lower[at[begin + next]];
    return holds(texts->tables[ENDINGS], ending, size);
}

/* Strike each listed token within the folded word: Names._strike_spans. */
static void strike_spans(struct texts *texts, bytes word, size_t length) {
    uint16_t begins[LONGEST_RUN], ends[LONGEST_RUN];
    int count = 0;
    for (size_t at = 0; at < length;) {
        size_t begin = at;
        while (at < length && class_of(word[at]) == class_of(word[begin]))
            at++;
        if (class_of(word[begin])) {
            begins[count] = (uint16_t)begin;
            ends[count++] = (uint16_t)at;
        }
    }
    for (int last = count - 1; last > 0; last--) {
        size_t end = ends[last], dot = end;
        if (!holds(texts->tables[LAST], word + begins[last], end - begins[last]))
            continue;
        while (dot && word[dot] != '.')
            dot--;
        for (int first = last - 1; first >= 0 && end - begins[first] <= texts->longest; first--)
            if (begins[first] < dot)
                mark(texts->tables[TOKENS], word + begins[first], end - begins[first]);
    }
}

/* Strike what a folded word names: itself, or else what lies within it. Tell whether it may be worth a look around. */
static int strike_word(struct texts *texts, bytes word, size_t length) {
    for (size_t at = 0; at < length; at++)
        if (word[at] == '.' && is_ending(texts, word, length, at)) {
            int is_token = mark(texts->tables[TOKENS], word, length);
            if (!is_token)
                strike_spans(texts, word, length);
            return 1;
        }
    return 0;
}

/* Make a token known that stands as a value of its own; dots and dashes at its ends are the name's. */
static void know(struct texts *texts, bytes word, size_t size, bytes at, size_t length, size_t begin, size_t end) {
    while (size && !class_of(*word)) {
        word++;
        size--;
    }
    while (size && !class_of(word[size - 1]))
        size--;
    uint32_t *slot = slot_of(texts->tables[TOKENS], hash_of(word, size));
    if (*slot && !(*slot & KNOWN) && is_sure(texts, at, length, begin, end))
        *slot |= *slot & SEEN ? KNOWN : 0;
}

/* Look at the word around a dot; return where to go on. */
size_t strike_dot(struct texts *texts, bytes at, size_t length, size_t dot) {
    if (!is_ending(texts, at, length, dot))
        return dot + 1;
    unsigned char word[LONGEST_RUN];
    size_t begin = dot, end = dot + 1;
    while (begin && in_word(at[begin - 1]))
        begin--;
    while (end < length && in_word(at[end]))
        end++;
    long size = end - begin > sizeof word ? -1 : fold(texts, at + begin, end - begin, word);
    if (size < 0)
        hand_over(texts, is_sure(texts, at, length, begin, end) ? &texts->sure : &texts->odd, at + begin, end - begin);
    for (long first = 0; first < size;) {
        bytes space = memchr(word + first, ' ', (size_t)(size - first));
        long stop = space ? space - word : size;
        if (strike_word(texts, word + first, (size_t)(stop - first)) && !first && stop == size)
            know(texts, word, (size_t)size, at, length, begin, end);
        first = stop + 1;
    }
    return end;
}

/* Letters of three bytes that fold to shorter ones: Cyrillic and Latin extensions, Greek with its signs, ligatures. */
static int folds_lower(bytes at) {
    unsigned letter = (at[0] & 0x0Fu) << 12 | (at[1] & 0x3Fu) << 6 | (at[2] & 0x3Fu);
    return at[0] < 0xF0 && ((letter >= 0x1C80 && letter < 0x1C90) || (letter >= 0x1D00 && letter < 0x2000) ||
                            (letter >= 0x2100 && letter < 0x2150) || (letter >= 0x2C60 && letter < 0x2C80) ||
                            (letter >= 0xA640 && letter < 0xA800) || (letter >= 0xFB00 && letter < 0xFB50));
}

/* Strike runs of ASCII letters and digits, and of letters of two bytes: Names._strike_atoms. */
void strike_atoms(struct texts *texts, bytes at, size_t length) {
    unsigned char atom[1024];
    size_t size = 0;
    int state = 0;
    for (size_t here = 0; here <= length;) {
        size_t step = here == length || at[here] < 0x80 ? 1 : at[here] < 0xE0 ? 2 : at[here] < 0xF0 ? 3 : 4;
        unsigned letter = 0;
        int next = here == length ? 0 : class_of(at[here]);
        if (next == 1)
            letter = lower[at[here]];
        else if (next == 2) {
            letter = step == 2 ? folded(texts, at + here) : step == 3 && folds_lower(at + here) ? 0 : PUNCTUATION;
            if (letter < 0x80) { /* it takes Python to fold the word */
                size_t begin = here, end = here;
                while (begin && in_word(at[begin - 1]))
                    begin--;
                while (end < length && in_word(at[end]))
                    end++;
                hand_over(texts, &texts->odd, at + begin, end - begin);
                here = end;
                size = 0;
                state = 0;
                continue;
            }
            next = letter == PUNCTUATION ? 0 : 2;
        }
        if (next != state && size && size < sizeof atom - 2)
            mark(texts->tables[ATOMS], atom, size);
        if (next != state)
            size = 0;
        state = next;
        if (next == 2 && size < sizeof atom - 2)
            atom[size++] = (unsigned char)(0xC0 | letter >> 6);
        if (next && size < sizeof atom - 2)
            atom[size++] = (unsigned char)(next == 1 ? letter : 0x80 | (letter & 0x3F));
        here += step;
    }
}
