/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Sums for Internet checksums (RFC 1071) that are made anew, of memory and of packets.
 */
#ifndef BALANCER_L4_SUM_H
#define BALANCER_L4_SUM_H

#include "ctx.h"
#include "maps.h"

/* A multiple of 4, as bpf_csum_diff wants it, and no more than the 512 that it takes before Linux 6.13. */
#define SUM_CHUNK_BYTES 256
/* As many as the largest packet has. */
#define SUM_CHUNKS_MAX (65536 / SUM_CHUNK_BYTES)
/* What a caller may keep at the begin of l4_work while a packet is summed. */
#define SUM_KEPT_BYTES 128

/* Sum of a multiple of 4 bytes. */
static __always_inline __u64 sum_words(void *from, __u32 bytes)
{
	return (__u32)bpf_csum_diff(NULL, 0, from, bytes, 0);
}

static __always_inline __u64 sum_address(const struct addr16 *address)
{
	return (__u64)address->words[0] + address->words[1] + address->words[2] + address->words[3];
}

/* Sum of both addresses of a pseudo header; without the ::ffff of IPv4 addresses. */
static __always_inline __u64 sum_addresses(const struct addr16 *src, const struct addr16 *dst, int is6)
{
	return is6 ? sum_address(src) + sum_address(dst) : (__u64)src->words[3] + dst->words[3];
}

/* Sum of the pseudo header of an answer. */
static __always_inline __u64 sum_pseudo(const struct packet *p, __u16 bytes, __u8 protocol)
{
	return sum_addresses(&p->key.src, &p->key.dst, p->family == 6) + bpf_htons(bytes) +
	       bpf_htons(protocol);
}

/* Where the header of TCP or UDP has its checksum. */
static __always_inline __u32 checksum_offset(const struct packet *p)
{
	return p->key.protocol == IPPROTO_UDP ? __builtin_offsetof(struct udp_header, checksum) :
						__builtin_offsetof(struct tcp_header, checksum);
}

struct sum_work {
	__u8 kept[SUM_KEPT_BYTES];
	__u8 chunk[SUM_CHUNK_BYTES + 4];
};

struct summing {
	ctx_t *ctx;
	__u32 offset;
	__u32 left;
	__u64 sum;
};

/* Adds the next bytes of a packet; stops before those that cannot be read. */
static long sum_chunk(__u32 index, struct summing *s)
{
	__u32 zero = 0, bytes = s->left;
	struct sum_work *work = bpf_map_lookup_elem(&l4_work, &zero);

	if (!work || !bytes)
		return 1;
	if (bytes > SUM_CHUNK_BYTES)
		bytes = SUM_CHUNK_BYTES;
	/* The last word may be cut off. */
	*(__u32 *)(work->chunk + (bytes & ~3)) = 0;
	if (ctx_load(s->ctx, s->offset, work->chunk, bytes))
		return 1;
	s->sum += sum_words(work->chunk, SUM_CHUNK_BYTES < bytes + 3 ? SUM_CHUNK_BYTES : (bytes + 3) & ~3);
	s->offset += bytes;
	s->left -= bytes;
	return 0;
}

/* Adds all that is left. Returns 0, or -1 if the packet ends before. */
static __always_inline int sum_packet(struct summing *s)
{
	bpf_loop(SUM_CHUNKS_MAX, sum_chunk, s, 0);
	return s->left ? -1 : 0;
}

#endif
