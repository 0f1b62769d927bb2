/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The context layer: what differs between the XDP hook and the tc hook, so that every mode is written
 * once. tc sees packets whose checksum may be unfinished and whose payload may be elsewhere (offloads), so
 * there all changes of the L4 checksum go through helpers that know.
 */
#ifndef BALANCER_L4_CTX_H
#define BALANCER_L4_CTX_H

#include "maps.h"
#include "packet.h"

/* Bounds an offset of the scratch record for the verifier; parse() has checked the real one. */
#define OFFSET_MASK 0x3fff

/* Verdicts of the modules above; ctx_verdict turns them into those of the hook. */
enum verdict {
	VERDICT_PASS,
	VERDICT_DROP,
	VERDICT_SENT, /* ctx_send said how */
};

#ifdef L4_HOOK_TC
typedef struct __sk_buff ctx_t;
#else
typedef struct xdp_md ctx_t;
#endif

/* Loads written by hand: the compiler would keep the address of the field in a register, and the verifier
 * allows no arithmetic on the context. They also make each use after a helper read the pointer anew. */
#define ctx_pointer(ctx, field)                                                                  \
	({                                                                                       \
		void *pointer;                                                                   \
		asm volatile("%0 = *(u32 *)(%1 + %2)"                                            \
			     : "=r"(pointer)                                                     \
			     : "r"(ctx), "i"(__builtin_offsetof(ctx_t, field)));                 \
		pointer;                                                                         \
	})

static __always_inline void *ctx_data(const ctx_t *ctx)
{
	return ctx_pointer(ctx, data);
}

static __always_inline void *ctx_end(const ctx_t *ctx)
{
	return ctx_pointer(ctx, data_end);
}

#ifdef L4_HOOK_TC

#define BPF_F_RECOMPUTE_CSUM 1
#define BPF_F_PSEUDO_HDR 0x10
#define BPF_F_MARK_MANGLED_0 0x20
#define BPF_ADJ_ROOM_MAC 1
#define BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 2
#define BPF_F_ADJ_ROOM_ENCAP_L3_IPV6 4

/* Header bytes that have to be in the linear part; IPv6 extension headers included. */
#define PULL_BYTES 256

static __always_inline __u32 ctx_ifindex(const ctx_t *ctx)
{
	return ctx->ifindex;
}

static __always_inline __u32 ctx_bytes(const ctx_t *ctx)
{
	return ctx->len;
}

/* Makes headers readable. Returns whether the frame was sent to this host. */
static __always_inline int ctx_prepare(ctx_t *ctx)
{
	__u32 linear = ctx_end(ctx) - ctx_data(ctx);

	if (ctx->pkt_type != 0)
		return 0;
	if (linear < PULL_BYTES && linear < ctx->len)
		bpf_skb_pull_data(ctx, ctx->len < PULL_BYTES ? ctx->len : PULL_BYTES);
	return 1;
}

/* Adds one's complement differences to the L4 checksum: addresses are part of its pseudo header. */
static __always_inline int ctx_fix_l4(ctx_t *ctx, __u32 offset, __u64 addresses, __u64 ports, int udp)
{
	__u64 flags = udp ? BPF_F_MARK_MANGLED_0 : 0;

	if (bpf_l4_csum_replace(ctx, offset, 0, csum_fold(addresses), flags | BPF_F_PSEUDO_HDR))
		return -1;
	return bpf_l4_csum_replace(ctx, offset, 0, csum_fold(ports), flags);
}

static __always_inline int ctx_grow_head(ctx_t *ctx, int room, int outer6)
{
	return bpf_skb_adjust_room(ctx, room, BPF_ADJ_ROOM_MAC,
				   outer6 ? BPF_F_ADJ_ROOM_ENCAP_L3_IPV6 :
					    BPF_F_ADJ_ROOM_ENCAP_L3_IPV4);
}

static __always_inline int ctx_send(ctx_t *ctx, struct l4_scratch *s, __u32 ifindex)
{
	s->verdict = bpf_redirect(ifindex, 0);
	return s->verdict == TC_ACT_REDIRECT ? 0 : -1;
}

static __always_inline int ctx_verdict(const struct l4_scratch *s, enum verdict verdict)
{
	if (verdict == VERDICT_DROP)
		return TC_ACT_SHOT;
	return verdict == VERDICT_SENT ? s->verdict : TC_ACT_UNSPEC;
}

#else

static __always_inline __u32 ctx_ifindex(const ctx_t *ctx)
{
	return ctx->ingress_ifindex;
}

static __always_inline __u32 ctx_bytes(const ctx_t *ctx)
{
	return ctx_end(ctx) - ctx_data(ctx);
}

static __always_inline int ctx_prepare(ctx_t *ctx)
{
	return 1;
}

/* The Ethernet header moves along: what stood at the start of the frame stands there afterwards only
 * in its addresses, which are written on sending, and its type, which the caller writes. */
static __always_inline int ctx_grow_head(ctx_t *ctx, int room, int outer6)
{
	return bpf_xdp_adjust_head(ctx, -room);
}

static __always_inline int ctx_send(ctx_t *ctx, struct l4_scratch *s, __u32 ifindex)
{
	if (ifindex == s->ifindex) {
		s->verdict = XDP_TX;
		return 0;
	}
	s->verdict = bpf_redirect_map(&l4_tx, ifindex, 0);
	return s->verdict == XDP_REDIRECT ? 0 : -1;
}

static __always_inline int ctx_verdict(const struct l4_scratch *s, enum verdict verdict)
{
	if (verdict == VERDICT_DROP)
		return XDP_DROP;
	return verdict == VERDICT_SENT ? s->verdict : XDP_PASS;
}

#endif

#endif
