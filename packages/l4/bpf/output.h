/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Sending a rewritten packet: to MAC addresses that are known, or to those that the kernel's routing
 * table gives. A next hop whose MAC is not resolved yet is left to lb_neigh at the tc hook.
 */
#ifndef BALANCER_L4_OUTPUT_H
#define BALANCER_L4_OUTPUT_H

#include "ctx.h"
#include "report.h"
#include "vlan.h"

static __always_inline enum verdict drop(struct packet *p, __u32 reason)
{
	p->reason = reason;
	return VERDICT_DROP;
}

static __always_inline enum verdict send_frame(ctx_t *ctx, struct packet *p, const __u8 *to,
					       const __u8 *from, __u32 ifindex)
{
	struct eth_header *eth;

	if (feature(p->tags) && change_tag(ctx, p))
		return drop(p, L4_DROP_VLAN);
	eth = ctx_data(ctx);
	if ((void *)(eth + 1) > ctx_end(ctx))
		return drop(p, L4_DROP_HELPER_ERROR);
	__builtin_memcpy(eth->dst, to, sizeof(eth->dst));
	__builtin_memcpy(eth->src, from, sizeof(eth->src));
	if (ctx_send(ctx, p, ifindex ? ifindex : p->ifindex))
		return drop(p, L4_DROP_HELPER_ERROR);
	return VERDICT_SENT;
}

#ifdef L4_HOOK_TC

/* The kernel resolves the next hop and sends. */
static __always_inline enum verdict resolve(ctx_t *ctx, struct packet *p,
					    const struct bpf_fib_lookup *fib)
{
	struct bpf_redir_neigh hop = { .nh_family = fib->family };

	__builtin_memcpy(hop.ipv6_nh, fib->ipv6_dst, sizeof(hop.ipv6_nh));
	p->verdict = bpf_redirect_neigh(fib->ifindex, &hop, sizeof(hop), 0);
	return p->verdict == TC_ACT_REDIRECT ? VERDICT_SENT : drop(p, L4_DROP_HELPER_ERROR);
}

#else

/* Puts the next hop in front of the frame, for lb_neigh. The frame goes up the stack to get there. */
static __always_inline enum verdict resolve(ctx_t *ctx, struct packet *p,
					    const struct bpf_fib_lookup *fib)
{
	struct l4_neigh_meta *meta;

	if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(*meta)))
		return drop(p, L4_DROP_HELPER_ERROR);
	meta = (void *)(long)ctx->data_meta;
	if ((void *)(meta + 1) > ctx_data(ctx))
		return drop(p, L4_DROP_HELPER_ERROR);
	meta->magic = L4_MAGIC;
	meta->ifindex = fib->ifindex;
	meta->family = fib->family;
	__builtin_memcpy(meta->next_hop, fib->ipv6_dst, sizeof(meta->next_hop));
	return VERDICT_PASS;
}

#endif

/* What the routing table answered, from the look-up until the packet is rewritten and goes. */
struct route_answer {
	struct bpf_fib_lookup fib;
	__u32 is_unresolved; /* the MAC of the next hop is not known */
};

static __always_inline struct route_answer *route_answer(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&l4_work, &zero);
}

static __always_inline __u32 fib_reason(long result)
{
	if (result == BPF_FIB_LKUP_RET_FWD_DISABLED)
		return L4_DROP_FWD_DISABLED;
	if (result == BPF_FIB_LKUP_RET_FRAG_NEEDED)
		return L4_DROP_TOO_BIG;
	return L4_DROP_NO_ROUTE;
}

/*
 * Asks the kernel's routing table for the way from and to these addresses; p->route says what else
 * matters. Comes before the packet is rewritten, so that one that is too big can be quoted as it came.
 * Returns 0 when send_by_route may send, else a drop reason.
 */
__noinline int find_route(ctx_t *ctx, struct packet *p, const struct addr16 *src,
			  const struct addr16 *dst)
{
	struct route_answer *answer = route_answer();
	struct bpf_fib_lookup *fib;
	long result;
	int v4;

	if (!p || !src || !dst || !answer)
		return L4_DROP_HELPER_ERROR;
	fib = &answer->fib;
	__builtin_memset(fib, 0, sizeof(*fib));
	v4 = is_v4_mapped(dst);
	fib->family = v4 ? AF_INET : AF_INET6;
	if (v4) {
		fib->ipv4_src = src->words[3];
		fib->ipv4_dst = dst->words[3];
	} else {
		__builtin_memcpy(fib->ipv6_src, src, sizeof(fib->ipv6_src));
		__builtin_memcpy(fib->ipv6_dst, dst, sizeof(fib->ipv6_dst));
	}
	fib->l4_protocol = p->key.protocol;
	fib->tot_len = p->route.bytes;
	fib->ifindex = p->ifindex;
	result = bpf_fib_lookup(ctx, fib, sizeof(*fib), 0);
	if (result != BPF_FIB_LKUP_RET_SUCCESS && result != BPF_FIB_LKUP_RET_NO_NEIGH) {
		/* The answer has the MTU in the place of the length. */
		p->route.mtu = fib->tot_len;
		return fib_reason(result);
	}
	/* The answer has the gateway in the place of the destination. */
	if (p->route.on_link &&
	    (v4 ? fib->ipv4_dst != dst->words[3] : !same_address((void *)fib->ipv6_dst, dst)))
		return L4_DROP_NOT_ONLINK;
	answer->is_unresolved = result == BPF_FIB_LKUP_RET_NO_NEIGH;
	return 0;
}

/* Sends by the answer that find_route left. */
static __always_inline enum verdict send_by_route(ctx_t *ctx, struct packet *p)
{
	struct route_answer *answer = route_answer();

	if (!answer)
		return drop(p, L4_DROP_HELPER_ERROR);
	if (unlikely(answer->is_unresolved)) {
		report_neighbour(p, &answer->fib);
		if (feature(p->tags) && change_tag(ctx, p))
			return drop(p, L4_DROP_VLAN);
		p->vlan = 0;
		return resolve(ctx, p, &answer->fib);
	}
	return send_frame(ctx, p, answer->fib.dmac, answer->fib.smac, answer->fib.ifindex);
}

#endif
