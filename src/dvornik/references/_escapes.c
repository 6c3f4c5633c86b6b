/* Words with escapes in them, which Python undoes: variants.py. */

#include "_texts.h"

#define STYLED 24 /* digits of an escaped escape */
#define DENSE 40 /* variants._DENSE */

/* Tell whether an entity only delimits, as & and ; do by themselves: variants._PLAIN. */
static int is_delimiter_only(bytes at, size_t length) {
    static const char names[][7] = {"nbsp;", "quot;", "lt;", "gt;", "mdash;", "ndash;", "laquo;", "raquo;", "#39;", "#x27;"};
    for (size_t each = 0; each < sizeof names / sizeof *names; each++) {
        size_t size = 0;
        while (size < length && names[each][size] && at[size] == (unsigned char)names[each][size])
            size++;
        if (!names[each][size])
            return 1;
    }
    return 0;
}

/* Tell whether a space ends an escape of a stylesheet, and is part of it: variants._ENDED. */
static int ends_style(bytes at, size_t sign, size_t end) {
    size_t digits = 0;
    if (at[end] != ' ' && at[end] != '\t' && at[end] != '\n')
        return 0;
    while (end - digits > sign + 1 && digits < 7 && is_hex(at[end - digits - 1]))
        digits++;
    return digits && digits < 7 && at[end - digits - 1] == '\\';
}

/* Tell whether a plus does so in a form's encoding: variants._ENDED_IN_FORM. */
static int ends_style_in_form(bytes at, size_t sign, size_t end) {
    size_t begin = end;
    if (at[end] != '+')
        return 0;
    while (begin > sign && end - begin < STYLED && is_hex(at[begin - 1]))
        begin--;
    if (begin == sign || at[begin - 1] != '%')
        return 0;
    while (end - begin > 4 && at[begin] == '2' && at[begin + 1] == '5') /* percent-encoded more than once */
        begin += 2;
    return end - begin > 2 && at[begin] == '5' && (at[begin + 1] | 32) == 'c';
}

/* Hand over a word with an escape in it; return where to go on, 0 where the whole cell is to be. */
size_t strike_escape(struct texts *texts, bytes at, size_t length, size_t sign) {
    size_t begin = sign, end = sign + 1;
    if (end == length || !coarse[at[end]])
        return end;
    if (at[sign] == '&' && ((at[end] != '#' && (!is_alnum(at[end]) || at[end] <= '9')) ||
                            is_delimiter_only(at + end, length - end)))
        return end;
    while (begin && coarse[at[begin - 1]])
        begin--;
    while (end < length && (coarse[at[end]] || ends_style(at, sign, end) || ends_style_in_form(at, sign, end)))
        end++;
    if (sign - begin > LONGEST_WORD || end - sign > FOLLOWING)
        return 0;
    hand_over(texts, is_sure(texts, at, length, begin, end) ? &texts->sure : &texts->escaped, at + begin, end - begin);
    return end;
}

/* Tell whether a byte may lie within an encoded path: directories._PATH. */
static int in_path(unsigned char letter) { return coarse[letter] ? letter != '{' && letter != '}' : letter && strchr("/+~", letter); }

/* Hand over a path with an escape in it, where directories have names beyond ASCII; as strike_escape. */
size_t strike_encoded(struct texts *texts, bytes at, size_t length, size_t sign) {
    size_t begin = sign, end = sign + 1;
    if (end == length || (at[sign] == '&' && at[end] != '#') || (at[sign] == '\\' && at[end] != 'u'))
        return end;
    while (begin && in_path(at[begin - 1]))
        begin--;
    while (end < length && in_path(at[end]))
        end++;
    if (sign - begin > LONGEST_WORD || end - sign > FOLLOWING)
        return 0;
    if (memchr(at + begin, '/', end - begin))
        hand_over(texts, &texts->encoded, at + begin, end - begin);
    return end;
}

/* Tell whether so much of a text is \uXXXX that Python reads it at once: variants.unescaped. */
int is_dense(bytes at, size_t length, size_t from) {
    size_t count = 0;
    for (bytes end = at + length, next = at + from; (next = memchr(next, '\\', (size_t)(end - next))); next++)
        count += next + 1 < end && next[1] == 'u';
    return count * DENSE >= length;
}
