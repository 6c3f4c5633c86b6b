/* The directories that a text names: directories.py's in C. */

#include "_texts.h"

/* Strike the directories that a path names, from each of its parts on: Directories._strike_word. */
static void strike_path(struct texts *texts, bytes at, size_t begin, size_t end) {
    unsigned char path[2 * LONGEST_WORD];
    size_t starts[LONGEST_WORD], size = 0;
    int count = 0;
    for (size_t here = begin; here < end;) {
        size_t part = size, first = here;
        for (; here < end && kind[at[here]] != SLASH; here++) {
            if (kind[at[here]] == HIGH) {
                hand_over(texts, &texts->odd, at + begin, end - begin);
                return;
            }
            path[size++] = kind[at[here]] == TAB ? '\t' : lower[at[here]];
        }
        size_t letters = here - first;
        if (letters && letters < 3 && !memcmp(at + first, "..", letters)) {
            hand_over(texts, &texts->odd, at + begin, end - begin);
            return;
        }
        if (letters) {
            starts[count++] = part;
            path[size++] = '/';
        }
        here++;
    }
    for (int first = 0; first + 1 < count; first++)
        mark(texts->tables[DIRECTORIES], path + starts[first], size - 1 - starts[first]);
}

/* Tell whether a listed directory's last part may begin the run, once that is folded, and end within it. */
static int may_fold_to_leaf(const struct texts *texts, bytes at, bytes leaf, size_t ascii) {
    if (texts->wide_leaves)
        return 1;
    if (is_letter(texts, at + ascii)) /* of another script: what is listed reads otherwise */
        return 0;
    return !is_delimiter(texts, at + ascii) || holds(texts->tables[LEAVES], leaf, ascii);
}

/* Look at a slash: a listed directory's last part may follow it, and then nothing more of a word. */
void strike_slash(struct texts *texts, bytes at, size_t length, size_t slash) {
    if (!slash || kind[at[slash - 1]] < WORD)
        return;
    size_t begin = slash + 1, ascii = 0, first = slash;
    while (begin < length && kind[at[begin]] == SLASH)
        begin++;
    unsigned char leaf[256];
    size_t end = begin;
    while (end < length && kind[at[end]] == WORD && ascii < sizeof leaf)
        leaf[ascii++] = lower[at[end++]];
    int is_wide = end < length && kind[at[end]] == HIGH;
    if (!ascii && !is_wide)
        return;
    if (is_wide ? !may_fold_to_leaf(texts, at + begin, leaf, ascii) : !holds(texts->tables[LEAVES], leaf, ascii)) {
        size_t bare = ascii; /* at the end of a sentence */
        while (bare && leaf[bare - 1] == '.')
            bare--;
        if (is_wide || !bare || bare == ascii || !holds(texts->tables[LEAVES], leaf, bare))
            return;
        end = begin + bare;
    }
    while (first && kind[at[first - 1]] != SPACE && slash - first < LONGEST_WORD)
        first--;
    size_t stop = end;
    int is_odd = 0; /* a part taken back: Python does that */
    for (; stop < length && (kind[at[stop]] == SLASH || at[stop] == '.'); stop++)
        is_odd |= at[stop] == '.' && stop > end && at[stop - 1] == '.';
    if (is_odd)
        hand_over(texts, &texts->odd, at + first, stop - first);
    else if (stop < length && kind[at[stop]] == HIGH) { /* it may delimit, once it is folded */
        while (stop < length && in_word(at[stop]))
            stop++;
        hand_over(texts, &texts->odd, at + first, stop - first);
    } else if (stop == length || kind[at[stop]] == SPACE)
        strike_path(texts, at, first, end);
}

/* Hand over lines that are several numbers with slashes between: Directories.strike_cells. */
void strike_numbers(struct texts *texts, bytes at, size_t length) {
    for (bytes line = at, end = at + length; line && line < end;) {
        bytes here = line;
        int count = 0;
        while (here < end && (*here == '.' || kind[*here] == SLASH))
            here++;
        while (here < end && *here >= '0' && *here <= '9') {
            for (count++; here < end && *here >= '0' && *here <= '9';)
                here++;
            while (here < end && kind[*here] == SLASH)
                here++;
        }
        if (count > 1 && (here == end || *here == '\n'))
            append(texts, &texts->numbers, line, (size_t)(here - line), '\n');
        line = memchr(here, '\n', (size_t)(end - here));
        line = line ? line + 1 : NULL;
    }
}
