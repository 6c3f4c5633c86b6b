/* Runs of base64 or hexadecimal digits that may hold a text, and lines of quoted-printable: coded.py's in C. */

#include "_texts.h"

#define CODED 16     /* coded._LEAST */
#define LOOKED 24    /* bytes by which a text is told: coded._LOOKED signs */
#define BEFORE_IT 8  /* coded._BEFORE_IT */
#define WITHIN 256   /* coded._WITHIN */

/* Tell whether either half of a block may lie within a run; commas and dots count as digits here. */
static int may_lie_in_run(bytes at) {
    block all;
    uint64_t found[2];
    memcpy(&all, at, BLOCK);
    block any = (block)(((all | 0x20) - 'a' <= 25) | (all - '+' <= '9' - '+') | (all == '_'));
    memcpy(found, &any, BLOCK);
    return !~found[0] || !~found[1];
}

static int lies_in_run(bytes at) {
    unsigned all = 0;
    for (int each = 0; each < 8; each++)
        all |= sixth[at[each]];
    return all < 64;
}

static int in_region(unsigned char letter) { return sixth[letter] < 64 || (letter && strchr("%&#;\\", letter)); }
static int is_printed(unsigned char letter) { return (letter >= ' ' && letter < 0x7F) || letter == '\t' || letter == '\n' || letter == '\r'; }

/* Decode up to `most` bytes of base64; return how many there are. */
static size_t decode(bytes at, size_t length, unsigned char *out, size_t most) {
    size_t count = 0;
    uint32_t held = 0;
    for (size_t here = 0, bits = 0; here < length && count < most; here++) {
        held = held << 6 | sixth[at[here]];
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out[count++] = (unsigned char)(held >> bits);
        }
    }
    return count;
}

/* Tell whether it begins as what is packed does, or a pickle: coded._PACKED. */
static int is_packed(bytes at) {
    return (at[0] == 0x80 && at[1] >= 2 && at[1] <= 5) || (at[0] == 0x78 && strchr("\x01\x5e\x9c\xda", at[1]) && at[1]) ||
           !memcmp(at, "\x1f\x8b\x08", 3) || !memcmp(at, "BZh", 3) || !memcmp(at, "\xfd" "7zXZ", 5) ||
           !memcmp(at, "\x28\xb5\x2f\xfd", 4);
}

/* Tell whether it is UTF-8 without control characters, but for a character cut at the end: coded._is_text. */
static int is_text(bytes at, size_t length) {
    if (is_packed(at))
        return 1;
    for (size_t here = 0, step; here < length; here += step) {
        step = at[here] < 0x80 ? 1 : at[here] < 0xC2 ? 0 : at[here] < 0xE0 ? 2 : at[here] < 0xF0 ? 3 : at[here] < 0xF5 ? 4 : 0;
        if (!step || (step == 1 && !is_printed(at[here])))
            return 0;
        for (size_t next = 1; next < step && here + next < length; next++)
            if ((at[here + next] & 0xC0) != 0x80)
                return 0;
    }
    return 1;
}

/* Tell how much of it is printed ASCII. */
static size_t count_printed(bytes at, size_t length) {
    size_t count = 0;
    for (size_t here = 0; here < length; here++)
        count += (size_t)is_printed(at[here]);
    return count;
}

/* Tell whether it is all hexadecimal digits and dashes, which are a hash or a UUID. */
static int is_hash(bytes at, size_t length) {
    size_t here = 0;
    while (here < length && (is_hex(at[here]) || at[here] == '-'))
        here++;
    return here == length;
}

/* Tell whether a text may begin here in base64. */
static int begins_text(bytes at, size_t length, int is_first) {
    unsigned char head[LOOKED];
    if (length < CODED || is_hash(at, CODED))
        return 0;
    size_t count = decode(at, length, head, LOOKED);
    return is_text(head, count) || (is_first && 4 * count_printed(head, count) >= 3 * count);
}

static int hex_of(unsigned char digit) { return digit <= '9' ? digit - '0' : (digit | 32) - 'a' + 10; }

/* Tell whether a text may begin here in hexadecimal digits: coded._HEX. */
static int begins_hex(bytes at, size_t length) {
    unsigned char head[CODED];
    if (length > 2 && at[0] == '0' && at[1] == 'x')
        at += 2, length -= 2;
    else if (length && at[0] == 'x')
        at++, length--;
    if (length < 2 * CODED)
        return 0;
    for (size_t each = 0; each < CODED; each++) {
        if (!is_hex(at[2 * each]) || !is_hex(at[2 * each + 1]))
            return 0;
        head[each] = (unsigned char)(hex_of(at[2 * each]) << 4 | hex_of(at[2 * each + 1]));
    }
    return is_text(head, CODED);
}

/* Tell whether a text may begin anywhere in a run: coded._texts. */
static int holds_text(bytes at, size_t length) {
    if (begins_hex(at, length))
        return 1;
    for (size_t begin = 0; begin < BEFORE_IT; begin++)
        if (begin <= length && begins_text(at + begin, length - begin, !begin))
            return 1;
    for (bytes end = at + length, slash = at; (slash = memchr(slash, '/', (size_t)(end - slash))); slash++)
        if (begins_text(slash + 1, (size_t)(end - slash - 1), 0) || begins_hex(slash + 1, (size_t)(end - slash - 1)))
            return 1;
    return 0;
}

/* Tell whether a run spans the cell, and half of what it says is printed: coded._WHOLE, coded._is_mostly_text. */
static int is_whole(bytes at, size_t length, size_t begin, size_t end) {
    if (begin > 1 || (begin && at[0] != '.') || is_hash(at + begin, end - begin))
        return 0;
    size_t stop = end;
    while (stop < length && stop - end < 2 && at[stop] == '=')
        stop++;
    while (stop < length && strchr(" \t\n\r\v\f", at[stop]) && at[stop])
        stop++;
    if (stop < length && at[end] != ':')
        return 0;
    size_t printed = 0, count = 0;
    for (size_t here = begin; here < end; here += 4) { /* three bytes at a time: it may be long */
        unsigned char some[3];
        size_t got = decode(at + here, end - here < 4 ? end - here : 4, some, 3);
        printed += count_printed(some, got);
        count += got;
    }
    return 2 * printed > count;
}

void strike_coded(struct texts *texts, bytes at, size_t length) {
    size_t done = 0;
    for (size_t here = 0; here + 8 <= length; here += 8) {
        if (here + BLOCK <= length && !may_lie_in_run(at + here)) {
            here += 8;
            continue;
        }
        if (here < done || !lies_in_run(at + here))
            continue;
        size_t begin = here, end = here + 8;
        while (begin > done && sixth[at[begin - 1]] < 64)
            begin--;
        while (end < length && sixth[at[end]] < 64)
            end++;
        if (end - begin >= CODED && (holds_text(at + begin, end - begin) || is_whole(at, length, begin, end))) {
            for (size_t low = begin > done + WITHIN ? begin - WITHIN : done; begin > low && in_region(at[begin - 1]);)
                begin--;
            while (end < length && (in_region(at[end]) || at[end] == '\r' || at[end] == '\n'))
                end++;
            hand_over(texts, &texts->coded, at + begin, end - begin);
        }
        done = end;
    }
}

/* Tell how long a broken line's end is, also as JSON writes it; 0 where there is none: coded._SOFT. */
static int breaks_line(bytes at, size_t length) {
    if (at[0] == '\n')
        return 1;
    if (at[0] == '\r')
        return length > 1 && at[1] == '\n';
    size_t here = 0;
    while (here < length && at[here] == '\\')
        here++;
    return here && here < length && (at[here] == 'n' || at[here] == 'r');
}

int is_mail(bytes at, size_t length) {
    bytes end = at + length;
    for (bytes sign = at; length && (sign = memchr(sign, '=', (size_t)(end - sign))); sign++) {
        size_t rest = (size_t)(end - sign) - 1;
        if (!rest || sign[1] == '"')
            continue;
        if (breaks_line(sign + 1, rest) && sign > at && sign[-1] != '=' && sign[-1] > ' ')
            return 1;
        if (rest >= 5 && is_hex(sign[1]) && sign[1] >= '8' && is_hex(sign[2]) && sign[3] == '=' && is_hex(sign[4]) &&
            is_hex(sign[5]))
            return 1;
    }
    return 0;
}
