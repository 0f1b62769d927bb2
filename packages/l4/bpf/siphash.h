/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * SipHash-2-4 (J.-P. Aumasson, D. J. Bernstein: "SipHash: a fast short-input PRF", 2012), a word of eight
 * bytes at a time.
 */
#ifndef BALANCER_L4_SIPHASH_H
#define BALANCER_L4_SIPHASH_H

#include "bpf.h"

struct siphash {
	__u64 v0;
	__u64 v1;
	__u64 v2;
	__u64 v3;
};

static __always_inline __u64 rotate_left64(__u64 value, int bits)
{
	return (value << bits) | (value >> (64 - bits));
}

static __always_inline void siphash_begin(struct siphash *s, __u64 k0, __u64 k1)
{
	s->v0 = k0 ^ 0x736f6d6570736575ULL;
	s->v1 = k1 ^ 0x646f72616e646f6dULL;
	s->v2 = k0 ^ 0x6c7967656e657261ULL;
	s->v3 = k1 ^ 0x7465646279746573ULL;
}

static __always_inline void siphash_round(struct siphash *s)
{
	s->v0 += s->v1;
	s->v2 += s->v3;
	s->v1 = rotate_left64(s->v1, 13) ^ s->v0;
	s->v3 = rotate_left64(s->v3, 16) ^ s->v2;
	s->v0 = rotate_left64(s->v0, 32);
	s->v2 += s->v1;
	s->v0 += s->v3;
	s->v1 = rotate_left64(s->v1, 17) ^ s->v2;
	s->v3 = rotate_left64(s->v3, 21) ^ s->v0;
	s->v2 = rotate_left64(s->v2, 32);
}

static __always_inline void siphash_word(struct siphash *s, __u64 word)
{
	s->v3 ^= word;
	siphash_round(s);
	siphash_round(s);
	s->v0 ^= word;
}

/* @last has the bytes behind the last whole word; @bytes is the length of the message. */
static __always_inline __u64 siphash_end(struct siphash *s, __u64 last, __u64 bytes)
{
	int i;

	siphash_word(s, last | bytes << 56);
	s->v2 ^= 0xff;
#pragma unroll
	for (i = 0; i < 4; i++)
		siphash_round(s);
	return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

#endif
