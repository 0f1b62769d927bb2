/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Forwarding of packets whose flow is known: the way is looked up, then the packet is rewritten by the flow's
 * mode, then it goes. In this order a packet that is too big for the way is answered as it came.
 */
#ifndef BALANCER_L4_FORWARD_H
#define BALANCER_L4_FORWARD_H

#include "hash.h"
#include "output.h"
#include "rewrite.h"
#include "special.h"
#include "too-big.h"
#include "translate.h"
#include "tunnel.h"

static __always_inline void count_stats(struct l4_stats *stats, const struct packet *p, __u8 dir,
					int is_new)
{
	if (!stats)
		return;
	if (unlikely(is_new))
		stats->conns++;
	if (dir == L4_DIR_IN) {
		stats->inpkts++;
		stats->inbytes += p->total_bytes;
	} else {
		stats->outpkts++;
		stats->outbytes += p->total_bytes;
	}
}

static __always_inline void count_packet(const struct packet *p, const struct l4_flow *flow, int is_new)
{
	__u32 service = flow->service, backend = flow->backend;

	count_stats(bpf_map_lookup_elem(&l4_stat_svc, &service), p, flow->dir, is_new);
	count_stats(bpf_map_lookup_elem(&l4_stat_be, &backend), p, flow->dir, is_new);
}

/* The flow's hash again, for what tunnels derive from it. */
__noinline int tunnel_hash(const struct packet *p, __u32 service)
{
	struct l4_service *svc = bpf_map_lookup_elem(&l4_svc, &service);

	return p && svc ? hash_flow(p, svc, svc->hash_seed, svc->hash_mode) : 0;
}

/* Outer source made from the hash, for receivers that spread load by addresses: in 172.16.0.0/12 or
 * 100::/64. */
static __always_inline void rss_source(struct addr16 *src, __u32 hash, int outer6)
{
	if (!outer6) {
		set_v4(src, bpf_htonl(0xac100000 | (hash & 0xfffff)));
		return;
	}
	src->words[0] = bpf_htonl(0x01000000);
	src->words[1] = 0;
	src->words[2] = 0;
	src->words[3] = bpf_htonl(hash);
}

/* The way to a backend, or to where one sends on, for packets that grow by overhead, or shrink when that is
 * negative. Returns 0 when there is one, else a drop reason. */
static __always_inline int route_to_backend(ctx_t *ctx, struct packet *p,
					    const struct l4_backend *backend,
					    const struct addr16 *src, const struct addr16 *dst,
					    int overhead, int on_link)
{
	int is_static = backend->flags & L4_BE_STATIC_L2;

	if (likely(is_static && (!backend->mtu || p->total_bytes + overhead <= backend->mtu)))
		return 0;
	p->route.overhead = overhead;
	p->route.on_link = on_link;
	if (is_static) {
		p->route.mtu = backend->mtu;
		return ctx_segment_bytes(ctx, p) + overhead <= backend->mtu ? 0 : L4_DROP_TOO_BIG;
	}
	p->route.bytes = ctx_segment_bytes(ctx, p) + overhead;
	return find_route(ctx, p, src, dst);
}

/* Bytes that a packet of a flow gains by being rewritten. */
static __always_inline int bytes_gained(const struct packet *p, const struct l4_flow *flow)
{
	return feature(flow->flags & L4_FLOW_NAT64) ? translation_bytes(p) : 0;
}

/* The way of a client's packet that may grow; an option is left out when only without it the packet fits. */
__noinline int route_special(ctx_t *ctx, struct packet *p, struct l4_flow *flow,
			     const struct l4_backend *backend)
{
	int gap, gained, reason;

	if (!p || !flow || !backend)
		return L4_DROP_HELPER_ERROR;
	gained = bytes_gained(p, flow);
	gap = plan_special(ctx, p, flow, 1);
	if (gap < 0)
		return -gap;
	reason = route_to_backend(ctx, p, backend, &flow->new_src, &flow->new_dst, gap + gained, 0);
	if (reason != L4_DROP_TOO_BIG || !gap || flow->pp_len)
		return reason;
	gap = plan_special(ctx, p, flow, 0);
	return route_to_backend(ctx, p, backend, &flow->new_src, &flow->new_dst, gap + gained, 0);
}

static __always_inline enum verdict send_to_backend(ctx_t *ctx, struct packet *p,
						    const struct l4_backend *backend)
{
	if (feature(backend->flags & L4_BE_VLAN))
		p->vlan_out = vlan_tag(bpf_ntohs(backend->vlan_tci));
	if (likely(backend->flags & L4_BE_STATIC_L2))
		return send_frame(ctx, p, backend->dmac, backend->smac, backend->ifindex);
	return send_by_route(ctx, p);
}

/* A packet that has no way to go, or that is too big for it; source is the address to answer from, NULL for
 * packets that must not be answered (RFC 1122, 3.2.2: never an error about an error). */
static __always_inline enum verdict refuse(ctx_t *ctx, struct packet *p, int reason,
					   const struct addr16 *source)
{
	if (source && reason == L4_DROP_TOO_BIG)
		return answer_too_big(ctx, p, source);
	return drop(p, reason);
}

static __always_inline enum verdict forward_in_tunnel(ctx_t *ctx, struct packet *p,
						      const struct l4_flow *flow,
						      const struct l4_backend *backend,
						      const struct l4_config *cfg,
						      const struct addr16 *answer_from)
{
	int outer6 = backend->family == 6;
	const struct addr16 *src = outer6 ? &cfg->tunnel_source6 : &cfg->tunnel_source4;
	struct addr16 made;
	__u32 hash = 0;
	int reason;

	if (outer6 || feature(backend->tunnel) || cfg->flags & L4_CFG_TUNNEL_RSS)
		hash = tunnel_hash(p, flow->service);
	if (unlikely(cfg->flags & L4_CFG_TUNNEL_RSS)) {
		rss_source(&made, hash, outer6);
		src = &made;
	}
	reason = route_to_backend(ctx, p, backend, src, &backend->address,
				  tunnel_overhead(backend), 0);
	if (unlikely(reason))
		return refuse(ctx, p, reason, answer_from);
	if (feature(backend->tunnel) ? encapsulate_in(ctx, p, src, backend, hash) :
				       encapsulate(ctx, p, src, backend, hash))
		return drop(p, L4_DROP_ENCAP_FAIL);
	if (feature(backend->flags & L4_BE_TUNNEL_CHECKSUM) &&
	    write_outer_checksum(ctx, p, src, backend))
		return drop(p, L4_DROP_ENCAP_FAIL);
	return send_to_backend(ctx, p, backend);
}

/* A packet to a backend that has the service's address itself. */
static __always_inline enum verdict forward_direct(ctx_t *ctx, struct packet *p,
						   const struct l4_backend *backend,
						   const struct addr16 *answer_from)
{
	int reason = route_to_backend(ctx, p, backend, &p->key.src, &backend->address, 0, 1);

	if (unlikely(reason))
		return refuse(ctx, p, reason, answer_from);
	if (rewrite_dr(ctx, p))
		return drop(p, L4_DROP_HELPER_ERROR);
	return send_to_backend(ctx, p, backend);
}

/* Gives a packet of a NATed flow its new addresses. Returns a drop reason, 0 when it has them. */
static __always_inline int rewrite_flow(ctx_t *ctx, struct packet *p, const struct l4_flow *flow)
{
	if (feature(flow->flags & L4_FLOW_NAT64))
		return translate(ctx, p, flow);
	return rewrite_nat(ctx, p, flow) ? L4_DROP_HELPER_ERROR : 0;
}

/* A packet to the backend, by the flow's mode. */
static __always_inline enum verdict forward_in(ctx_t *ctx, struct packet *p, struct l4_flow *flow,
					       const struct l4_backend *backend,
					       const struct l4_config *cfg,
					       const struct addr16 *answer_from)
{
	int reason;

	if (flow->mode == L4_MODE_TUNNEL)
		return forward_in_tunnel(ctx, p, flow, backend, cfg, answer_from);
	if (flow->mode == L4_MODE_DR)
		return forward_direct(ctx, p, backend, answer_from);
	/* What a flow is sent on to is the backend's address, except of snat. */
	if (feature(flow->flags & L4_FLOW_SPECIAL)) {
		reason = route_special(ctx, p, flow, backend);
		if (!reason && insert(ctx, p))
			reason = L4_DROP_HELPER_ERROR;
	} else {
		reason = route_to_backend(ctx, p, backend, &flow->new_src, &flow->new_dst,
					  bytes_gained(p, flow), 0);
	}
	if (unlikely(reason))
		return refuse(ctx, p, reason, answer_from);
	reason = rewrite_flow(ctx, p, flow);
	if (unlikely(reason))
		return drop(p, reason);
	return send_to_backend(ctx, p, backend);
}

/* Who answers a reply that is too big: the service, or an address of ours that its sender knows. */
static __always_inline const struct addr16 *reply_source(const struct packet *p,
							 const struct l4_flow *flow)
{
	return flow->mode == L4_MODE_SNAT || feature(flow->flags & L4_FLOW_NAT64) ? &p->key.dst :
										    &flow->new_src;
}

/* A reply to the client. */
static __always_inline enum verdict forward_out(ctx_t *ctx, struct packet *p, const struct l4_flow *flow,
						const struct l4_config *cfg)
{
	int by_route = cfg->reply_path != L4_REPLY_SYMMETRIC, reason;

	if (by_route) {
		p->route.overhead = bytes_gained(p, flow);
		p->route.bytes = ctx_segment_bytes(ctx, p) + bytes_gained(p, flow);
		p->route.on_link = 0;
		reason = find_route(ctx, p, &flow->new_src, &flow->new_dst);
		if (unlikely(reason))
			return refuse(ctx, p, reason, reply_source(p, flow));
	}
	reason = rewrite_flow(ctx, p, flow);
	if (unlikely(reason))
		return drop(p, reason);
	if (by_route)
		return send_by_route(ctx, p);
	p->vlan_out = flow->client_vlan;
	return send_frame(ctx, p, flow->mac, flow->our_mac, flow->ifindex);
}

#endif
