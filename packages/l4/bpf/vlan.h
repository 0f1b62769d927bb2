/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * VLAN tags (IEEE 802.1Q). At tc the kernel has taken the tag out of the frame before us and puts one in after us; at
 * XDP it is in the frame, so it is taken out for the path, which knows untagged frames alone, and put in again. A tag
 * is noted as its 16 bits with the one set that says nothing today: 0 is no tag. Frames with two tags, and with those
 * of providers (802.1ad), are the kernel's.
 */
#ifndef BALANCER_L4_VLAN_H
#define BALANCER_L4_VLAN_H

#include "ctx.h"

#define ETH_P_8021Q 0x8100
#define ETH_P_8021AD 0x88a8
#define VLAN_TAGGED 0x1000
#define VLAN_ID 0x0fff

static __always_inline __u16 vlan_tag(__u16 tci)
{
	return tci | VLAN_TAGGED;
}

#ifdef L4_HOOK_TC

/* What ctx_prepare does, for a frame with a tag, which is noted. */
static __always_inline int prepare_tagged(ctx_t *ctx, struct packet *p)
{
	if (ctx->pkt_type != 0 || ctx->vlan_proto != bpf_htons(ETH_P_8021Q))
		return 0;
	p->vlan = vlan_tag(ctx->vlan_tci);
	ctx_pull(ctx);
	return 1;
}

static __always_inline int take_tag(ctx_t *ctx, struct packet *p)
{
	return -1;
}

/* Gives a frame that leaves the tag that it is to have. */
__noinline int change_tag(ctx_t *ctx, struct packet *p)
{
	if (!p || p->vlan == p->vlan_out)
		return 0;
	if (p->vlan && bpf_skb_vlan_pop(ctx))
		return -1;
	p->vlan = 0;
	return p->vlan_out ? bpf_skb_vlan_push(ctx, bpf_htons(ETH_P_8021Q),
					       p->vlan_out & ~VLAN_TAGGED) :
			     0;
}

/* Of a frame that the kernel gets. */
static __always_inline int restore_tag(ctx_t *ctx, struct packet *p)
{
	return 0;
}

#else

struct tagged_header {
	struct macs macs;
	__be16 tag_type;
	__be16 tci;
	__be16 type;
} __packed;

#define TAG_BYTES 4

static __always_inline int prepare_tagged(ctx_t *ctx, struct packet *p)
{
	return 0;
}

/* Takes the tag out of a frame. Returns 0 when it is a single one. */
static __always_inline int take_tag(ctx_t *ctx, struct packet *p)
{
	struct tagged_header *tagged = ctx_data(ctx);
	struct eth_header *eth;
	struct macs macs;
	__u16 tci;

	if ((void *)(tagged + 1) > ctx_end(ctx) || tagged->type == bpf_htons(ETH_P_8021Q) ||
	    tagged->type == bpf_htons(ETH_P_8021AD))
		return -1;
	macs = tagged->macs;
	tci = bpf_ntohs(tagged->tci);
	if (bpf_xdp_adjust_head(ctx, TAG_BYTES))
		return -1;
	eth = ctx_data(ctx);
	if ((void *)(eth + 1) > ctx_end(ctx))
		return -1;
	__builtin_memcpy(eth, &macs, sizeof(macs));
	p->vlan = vlan_tag(tci);
	return 0;
}

/* Puts a tag in; the frame's addresses move along. */
__noinline int put_tag(ctx_t *ctx, __u16 tag)
{
	struct tagged_header *tagged;
	struct eth_header *eth;
	struct macs macs;

	if (bpf_xdp_adjust_head(ctx, -TAG_BYTES))
		return -1;
	tagged = ctx_data(ctx);
	eth = (void *)tagged + TAG_BYTES;
	if ((void *)(tagged + 1) > ctx_end(ctx) || (void *)(eth + 1) > ctx_end(ctx))
		return -1;
	__builtin_memcpy(&macs, eth, sizeof(macs));
	tagged->macs = macs;
	tagged->tag_type = bpf_htons(ETH_P_8021Q);
	tagged->tci = bpf_htons(tag & ~VLAN_TAGGED);
	return 0;
}

static __always_inline int change_tag(ctx_t *ctx, struct packet *p)
{
	return p->vlan_out ? put_tag(ctx, p->vlan_out) : 0;
}

static __always_inline int restore_tag(ctx_t *ctx, struct packet *p)
{
	return put_tag(ctx, p->vlan);
}

#endif

#endif
