/* Included by each set of kernels, which says how many FLOATS it computes at once: attention for some rows of queries.
 *
 * Sums of a row depend on that row alone, blocks begin at whole multiples: so it computes the same, to the last bit,
 * whatever else is read with it.
 */
#include <string.h>

#define STATES_AT_ONCE 4
#define ROWS_AT_ONCE (FLOATS / STATES_AT_ONCE)
#define VALUES_AT_ONCE (FLOATS / 2)
#define LINE 32 /* halves that memory gives at once */

typedef float Floats __attribute__((vector_size(4 * FLOATS), aligned(4)));
typedef _Float16 Halves __attribute__((vector_size(2 * FLOATS), aligned(2)));

typedef int32_t Ints __attribute__((vector_size(4 * FLOATS), aligned(4)));

INLINE Floats all(float value) { return (Floats){0} + value; }

INLINE Floats pick(Ints which, Floats one, Floats other) { return (Floats)((which & (Ints)one) | (~which & (Ints)other)); }

INLINE Floats halves_at(const uint16_t *at) { return __builtin_convertvector(*(const Halves *)at, Floats); }

/* The sums of the elements of each of FLOATS vectors. */
INLINE Floats sums_of(const Floats *each) {
#if FLOATS == 16
    Floats eight[8], four[4], two[2];
    for (int i = 0; i < 8; i++) {
        Floats a = each[2 * i], b = each[2 * i + 1];
        eight[i] = __builtin_shufflevector(a, b, 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30) +
                   __builtin_shufflevector(a, b, 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31);
    }
    for (int i = 0; i < 4; i++) {
        Floats a = eight[2 * i], b = eight[2 * i + 1];
        four[i] = __builtin_shufflevector(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29) +
                  __builtin_shufflevector(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
    }
    for (int i = 0; i < 2; i++) {
        Floats a = four[2 * i], b = four[2 * i + 1];
        two[i] = __builtin_shufflevector(a, b, 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27) +
                 __builtin_shufflevector(a, b, 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31);
    }
    return __builtin_shufflevector(two[0], two[1], 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +
           __builtin_shufflevector(two[0], two[1], 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
#elif FLOATS == 8
    Floats four[4], two[2];
    for (int i = 0; i < 4; i++) {
        Floats a = each[2 * i], b = each[2 * i + 1];
        four[i] = __builtin_shufflevector(a, b, 0, 8, 2, 10, 4, 12, 6, 14) + __builtin_shufflevector(a, b, 1, 9, 3, 11, 5, 13, 7, 15);
    }
    for (int i = 0; i < 2; i++) {
        Floats a = four[2 * i], b = four[2 * i + 1];
        two[i] = __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13) + __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15);
    }
    return __builtin_shufflevector(two[0], two[1], 0, 1, 2, 3, 8, 9, 10, 11) +
           __builtin_shufflevector(two[0], two[1], 4, 5, 6, 7, 12, 13, 14, 15);
#else
    Floats first = __builtin_shufflevector(each[0], each[1], 0, 4, 2, 6) + __builtin_shufflevector(each[0], each[1], 1, 5, 3, 7);
    Floats second = __builtin_shufflevector(each[2], each[3], 0, 4, 2, 6) + __builtin_shufflevector(each[2], each[3], 1, 5, 3, 7);
    return __builtin_shufflevector(first, second, 0, 1, 4, 5) + __builtin_shufflevector(first, second, 2, 3, 6, 7);
#endif
}

/* By halves, so that few wait for others. */
INLINE float sum_of_all(Floats values) {
    for (int half = FLOATS / 2; half; half /= 2)
        for (int i = 0; i < half; i++) values[i] += values[i + half];
    return values[0];
}

INLINE float greatest_of(Floats values) {
    for (int half = FLOATS / 2; half; half /= 2)
        for (int i = 0; i < half; i++) values[i] = values[i + half] > values[i] ? values[i + half] : values[i];
    return values[0];
}

/* scores[row * BLOCK + state] of rows with states; those beyond the last, that fill up a four, are as the last. */
static void score(const float *queries, int rows, int width, const uint16_t *keys, int states, float *scores) {
    for (int first = 0; first < rows; first += ROWS_AT_ONCE) {
        int count = smaller(ROWS_AT_ONCE, rows - first);
        const float *query[ROWS_AT_ONCE];
        for (int r = 0; r < ROWS_AT_ONCE; r++) query[r] = queries + (size_t)(first + smaller(r, count - 1)) * width;
        for (int state = 0; state < states; state += STATES_AT_ONCE) {
            const uint16_t *key[STATES_AT_ONCE];
            for (int s = 0; s < STATES_AT_ONCE; s++) key[s] = keys + (size_t)smaller(state + s, states - 1) * width;
            for (int ahead = 0; ahead < STATES_AT_ONCE * width && first == 0; ahead += LINE)
                __builtin_prefetch(key[0] + (size_t)BLOCK * width + ahead);
            Floats each[FLOATS];
            for (int i = 0; i < FLOATS; i++) each[i] = (Floats){0};
            for (int at = 0; at < width; at += FLOATS) {
                Floats wide[STATES_AT_ONCE];
                for (int s = 0; s < STATES_AT_ONCE; s++) wide[s] = halves_at(key[s] + at);
                for (int r = 0; r < ROWS_AT_ONCE; r++) {
                    Floats part = *(const Floats *)(query[r] + at);
                    for (int s = 0; s < STATES_AT_ONCE; s++) each[r * STATES_AT_ONCE + s] += part * wide[s];
                }
            }
            Floats sums = sums_of(each);
            for (int r = 0; r < count; r++)
                memcpy(scores + (first + r) * BLOCK + state, (float *)&sums + r * STATES_AT_ONCE, STATES_AT_ONCE * sizeof(float));
        }
    }
}

/* e^x for x ≤ 0, as `exponential`; what is no number comes out as if it were very small. */
INLINE Floats powers_of(Floats x) {
    x = pick(x > -87, x, all(-87));
    Ints whole = __builtin_convertvector(x * 1.44269504f - 0.5f, Ints);
    Floats turns = __builtin_convertvector(whole, Floats), rest = x - turns * 0.693359375f + turns * 2.12194440e-4f;
    Floats power = all(1.9875691500e-4f);
    power = power * rest + 1.3981999507e-3f;
    power = power * rest + 8.3334519073e-3f;
    power = power * rest + 4.1665795894e-2f;
    power = power * rest + 1.6666665459e-1f;
    power = power * rest + 5.0000001201e-1f;
    return (power * rest * rest + rest + 1) * (Floats)((whole + 127) << 23);
}

/* Odds of a block from the scores of a row that sees the states from `first` to before `end`; what it had, times this. */
static float weigh(float *scores, int first, int end, float *most, float *total) {
    Ints at;
    for (int i = 0; i < FLOATS; i++) at[i] = i;
    Floats greatest = all(*most), sum = {0}, nothing = {0};
    for (int i = 0; i < BLOCK; i += FLOATS) {
        Floats score = *(Floats *)(scores + i);
        Ints seen = (at + i >= first) & (at + i < end);
        score = pick(seen, score, all(-INFINITY));
        nothing += pick(seen, score * 0.0f, (Floats){0}); /* not a number where a score is none, or infinite */
        greatest = pick(score > greatest, score, greatest);
        *(Floats *)(scores + i) = score;
    }
    float top = greatest_of(greatest);
    float base = top == -INFINITY ? 0 : top; /* nothing is seen yet */
    for (int i = 0; i < BLOCK; i += FLOATS) {
        Floats score = *(Floats *)(scores + i), odds = powers_of(score - base);
        odds = pick(score == all(-INFINITY), (Floats){0}, odds);
        *(Floats *)(scores + i) = odds;
        sum += odds;
    }
    float scale = *most == -INFINITY ? 0 : powers_of(all(*most - base))[0];
    *total = *total * scale + sum_of_all(sum + nothing);
    *most = top;
    return scale;
}

/* out[row * width …] += odds[row * BLOCK + state] · values. */
static void gather(const float *odds, int rows, int width, const uint16_t *values, int states, float *out) {
    for (int first = 0; first < rows; first += VALUES_AT_ONCE) {
        int count = smaller(VALUES_AT_ONCE, rows - first);
        for (int at = 0; at < width; at += 2 * FLOATS) {
            int both = at + FLOATS < width ? FLOATS : 0;
            Floats low[VALUES_AT_ONCE], high[VALUES_AT_ONCE];
            for (int r = 0; r < VALUES_AT_ONCE; r++) {
                float *sum = out + (size_t)(first + smaller(r, count - 1)) * width + at;
                low[r] = *(Floats *)sum, high[r] = *(Floats *)(sum + both);
            }
            for (int state = 0; state < states; state++) {
                const uint16_t *value = values + (size_t)state * width + at;
                if (first == 0) __builtin_prefetch(value + (size_t)BLOCK * width); /* of the next block */
                Floats one = halves_at(value), other = halves_at(value + both);
                for (int r = 0; r < VALUES_AT_ONCE; r++) {
                    float share = odds[(first + smaller(r, count - 1)) * BLOCK + state];
                    low[r] += share * one;
                    high[r] += share * other;
                }
            }
            for (int r = 0; r < count; r++) {
                float *sum = out + (size_t)(first + r) * width + at;
                *(Floats *)sum = low[r];
                if (both) *(Floats *)(sum + both) = high[r];
            }
        }
    }
}

static void halve(const float *values, int count, uint16_t *halves) {
    for (int at = 0; at < count; at += FLOATS)
        *(Halves *)(halves + at) = __builtin_convertvector(*(const Floats *)(values + at), Halves);
}
