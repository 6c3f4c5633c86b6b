/* Whether a name stands in a text as a value of its own, and not as a word of a sentence: values.py's in C. */

#include "_texts.h"

#define FAR 300      /* bytes: values._FAR */
#define LISTED 2048  /* bytes of a cell that may be a list: values._LISTED */

static int is_space(unsigned char letter) { return letter && strchr(" \t\n\r\v\f", letter) != NULL; }
static int is_quote(unsigned char letter) { return letter == '"' || letter == '\'' || letter == '`'; }

/* Tell whether the path that ends with the slash before `begin` leads through a directory of the listing. */
static int is_led_to(const struct texts *texts, bytes at, size_t begin) {
    unsigned char leaf[FAR];
    size_t end = begin, first;
    while (end && kind[at[end - 1]] == SLASH)
        end--;
    for (first = end; first && in_word(at[first - 1]) && end - first < FAR; first--)
        ;
    if (first && at[first - 1] == '%' && end - first > 1 && is_hex(at[first]) && is_hex(at[first + 1])) {
        first += 2; /* what stands behind an escaped space; a letter takes more to tell, and is taken for right */
        if (first == end)
            return texts->wide_paths;
    }
    long size = end - first < FAR ? fold(texts, at + first, end - first, leaf) : -1;
    return size >= 0 && holds(texts->tables[PARENTS], leaf, (size_t)size);
}

/* Tell whether a cell is a list, without a space in it. */
static int is_list(bytes at, size_t length) {
    for (size_t here = 0; here < length && length <= LISTED; here++)
        if (is_space(at[here]))
            return 0;
    return length <= LISTED;
}

/* Return the last sign before `end` that is no space and no backslash; 0 where there is none. */
static unsigned char sign_before(bytes at, size_t *end) {
    while (*end && (is_space(at[*end - 1]) || at[*end - 1] == '\\'))
        --*end;
    return *end ? at[--*end] : 0;
}

static unsigned char sign_after(bytes at, size_t length, size_t begin) {
    while (begin < length && (is_space(at[begin]) || at[begin] == '\\'))
        begin++;
    return begin < length ? at[begin] : 0;
}

/* Tell whether a quoted string is a value: an attribute, a string of JSON or of PHP's; not one in a sentence. */
static int is_string(bytes at, size_t length, size_t open, size_t close) {
    size_t before = open;
    unsigned char sign = sign_before(at, &before), next = sign_after(at, length, close + 1), first = sign_after(at, length, 0);
    int is_document = first == '{' || first == '[';
    if (sign == '=')
        return 1;
    if (next && !strchr(",]};", next))
        return 0;
    if (!sign)
        return 1;
    if (sign == ':') {
        unsigned char key = sign_before(at, &before);
        return is_quote(key) || (key >= '0' && key <= '9');
    }
    return is_document && strchr(",[{", sign);
}

/* Tell whether the signs around a name make it a value. */
static int is_enclosed(bytes at, size_t length, size_t begin, size_t end) {
    unsigned char before = begin ? at[begin - 1] : 0, after;
    if (before && strchr("\"'`(", before) && end < length && (at[end] == '?' || at[end] == '#'))
        while (end < length && !is_space(at[end]) && !strchr("\"'`)\\", at[end]))
            end++;
    after = end < length ? at[end] : 0;
    if (is_quote(before)) {
        size_t close = end + (after == '\\');
        return close < length && at[close] == before && is_string(at, length, begin - 1, close);
    }
    if (before == '(' && begin > 1)
        return (at[begin - 2] == ']' || (at[begin - 2] | 32) == 'l') && (after == ')' || after == ' ');
    if ((before == '>' && after == '<') || (before == ']' && after == '['))
        return 1;
    return (!before || strchr(",;|{", before)) && (!after || strchr(",;|}", after)) && is_list(at, length);
}

static int is_value(const struct texts *texts, bytes at, size_t length, size_t begin, size_t end) {
    size_t first = 0, last = length;
    while (first < last && is_space(at[first]))
        first++;
    while (last > first && is_space(at[last - 1]))
        last--;
    if (begin == first && end == last)
        return 1;
    if (begin > first && kind[at[begin - 1]] == SLASH)
        return is_led_to(texts, at, begin);
    return is_enclosed(at + first, last - first, begin - first, end - first);
}

/* Tell whether a listed name that comes apart ends at `end`, its first part before `begin`; where that is. */
static int is_longer_name(const struct texts *texts, bytes at, size_t *begin, size_t end) {
    unsigned char name[FAR];
    size_t first = *begin, size = 0, dot = 0;
    while (first && end - first < FAR && !strchr("\"'`><\n\r/\\", at[first - 1]) && at[first - 1])
        first--;
    while (first < *begin && is_space(at[first]))
        first++;
    if (first == *begin || end - first >= FAR)
        return 0;
    for (size_t here = first; here < end; here++) {
        if (at[here] == '.')
            dot = size;
        if (at[here] < 0x80 || at[here] >= 0xE0)
            name[size++] = lower[at[here]];
        else { /* what folds to one such letter, as path_key has it */
            unsigned letter = folded(texts, at + here);
            if (letter < 0x80 || here + 1 == end)
                return 0;
            name[size++] = letter == PUNCTUATION ? at[here] : (unsigned char)(0xC0 | letter >> 6);
            name[size++] = letter == PUNCTUATION ? at[here + 1] : (unsigned char)(0x80 | (letter & 0x3F));
            here++;
        }
    }
    *begin = first;
    return dot && holds(texts->tables[STEMS], name, dot);
}

int is_sure(const struct texts *texts, bytes at, size_t length, size_t begin, size_t end) {
    if (is_value(texts, at, length, begin, end))
        return 1;
    if (!begin || kind[at[begin - 1]] == SLASH)
        return 0;
    return is_longer_name(texts, at, &begin, end) && is_value(texts, at, length, begin, end);
}
