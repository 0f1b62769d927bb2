/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The packet load balancer: a packet to a service goes to one of its backends, the replies of NATed flows
 * go back to the client, everything else is passed to the kernel.
 */
#ifndef BALANCER_L4_BALANCE_H
#define BALANCER_L4_BALANCE_H

#include "flow.h"
#include "output.h"
#include "parse.h"
#include "rewrite.h"

static __always_inline void count_packet(struct l4_scratch *s, const struct l4_flow *flow, int is_new)
{
	__u32 service = flow->service, backend = flow->backend;
	struct l4_stats *stats[2];
	int i;

	stats[0] = bpf_map_lookup_elem(&l4_stat_svc, &service);
	stats[1] = bpf_map_lookup_elem(&l4_stat_be, &backend);
#pragma unroll
	for (i = 0; i < 2; i++) {
		if (!stats[i])
			continue;
		stats[i]->conns += is_new;
		if (flow->dir == L4_DIR_IN) {
			stats[i]->inpkts++;
			stats[i]->inbytes += s->total_bytes;
		} else {
			stats[i]->outpkts++;
			stats[i]->outbytes += s->total_bytes;
		}
	}
}

/* A packet to the backend, by the flow's mode. */
static __always_inline enum verdict forward_in(ctx_t *ctx, struct l4_scratch *s, struct l4_flow *flow,
				      const struct l4_backend *backend, const struct l4_config *cfg)
{
	struct journey journey = { .src = &s->key.src,
				   .dst = &backend->address,
				   .total_bytes = s->total_bytes,
				   .on_link = flow->mode == L4_MODE_DR };

	if (flow->mode == L4_MODE_TUNNEL) {
		if (encapsulate(ctx, s, backend, cfg))
			return drop(s, L4_DROP_ENCAP_FAIL);
		journey.src = backend->family == 6 ? &cfg->tunnel_source6 : &cfg->tunnel_source4;
		journey.total_bytes += backend->family == 6 ? 40 : 20;
	} else if (flow->mode == L4_MODE_DR) {
		if (rewrite_dr(ctx, s))
			return drop(s, L4_DROP_HELPER_ERROR);
	} else {
		if (rewrite_nat(ctx, s, flow))
			return drop(s, L4_DROP_HELPER_ERROR);
		journey.src = &flow->new_src;
	}
	if (backend->flags & L4_BE_STATIC_L2)
		return send_frame(ctx, s, backend->dmac, backend->smac, backend->ifindex);
	return send_by_route(ctx, s, &journey);
}

/* A reply to the client. */
static __always_inline enum verdict forward_out(ctx_t *ctx, struct l4_scratch *s, struct l4_flow *flow,
				       const struct l4_config *cfg)
{
	struct journey journey = { .src = &flow->new_src,
				   .dst = &flow->new_dst,
				   .total_bytes = s->total_bytes };

	if (rewrite_nat(ctx, s, flow))
		return drop(s, L4_DROP_HELPER_ERROR);
	if (cfg->reply_path == L4_REPLY_SYMMETRIC)
		return send_frame(ctx, s, flow->mac, flow->our_mac, flow->ifindex);
	return send_by_route(ctx, s, &journey);
}

/* The client's packets may begin to come from another router: replies of symmetric paths follow. */
static __always_inline void follow_client(struct l4_scratch *s, struct l4_flow *flow)
{
	struct l4_flow *reply;

	if (flow->ifindex == s->ifindex && same_mac(flow->mac, s->frame_src))
		return;
	flow->ifindex = s->ifindex;
	__builtin_memcpy(flow->mac, s->frame_src, sizeof(flow->mac));
	__builtin_memcpy(flow->our_mac, s->frame_dst, sizeof(flow->our_mac));
	flow_peer_key(flow, s->key.protocol, &s->reply_key);
	reply = bpf_map_lookup_elem(&l4_ct, &s->reply_key);
	if (!reply)
		return;
	reply->ifindex = s->ifindex;
	__builtin_memcpy(reply->mac, s->frame_src, sizeof(reply->mac));
	__builtin_memcpy(reply->our_mac, s->frame_dst, sizeof(reply->our_mac));
}

static __always_inline enum verdict forward(ctx_t *ctx, struct l4_scratch *s, struct l4_flow *flow,
				   const struct l4_config *cfg, int is_new)
{
	__u32 slot = flow->backend;
	struct l4_backend *backend;

	if (s->ttl <= 1)
		return drop(s, L4_DROP_TTL);
	count_packet(s, flow, is_new);
	if (flow->dir == L4_DIR_OUT)
		return forward_out(ctx, s, flow, cfg);
	if (has_peer(flow))
		follow_client(s, flow);
	backend = bpf_map_lookup_elem(&l4_be, &slot);
	if (!backend)
		return drop(s, L4_DROP_NO_BACKEND);
	return forward_in(ctx, s, flow, backend, cfg);
}

/* The service of the packet's destination, or a value of L4_OWNED_*, or 0xffffffff with *found = 0. */
static __always_inline __u32 find_service(const struct l4_scratch *s, int *found)
{
	struct l4_vip_key key = { .port = s->key.dport, .protocol = s->key.protocol };
	__u32 *id;

	key.address = s->key.dst;
	id = bpf_map_lookup_elem(&l4_vip, &key);
	if (!id) {
		key.port = 0;
		id = bpf_map_lookup_elem(&l4_vip, &key);
	}
	if (!id) {
		key.protocol = 0;
		id = bpf_map_lookup_elem(&l4_vip, &key);
	}
	*found = id != NULL;
	return id ? *id : 0;
}

/* A packet to an address of ours that no service and no flow claims. */
static __always_inline enum verdict handle_owned(struct l4_scratch *s, __u32 owned, const struct l4_config *cfg)
{
	__u16 port = bpf_ntohs(s->key.dport);

	if (owned == L4_OWNED_DROP)
		return drop(s, L4_DROP_UNKNOWN_PORT);
	/* The kernel would answer with RST and kill flows of a node that has just restarted. */
	if (owned == L4_OWNED_LIP && port >= cfg->port_lo && port <= cfg->port_hi)
		return drop(s, L4_DROP_LIP_NO_CONN);
	return VERDICT_PASS;
}

/* A flow that is not known may be taken over from another node, which chose by the same table. */
static __always_inline int can_adopt(const struct l4_service *svc, const struct l4_backend *backend)
{
	if (svc->scheduler != L4_SCHED_MH && svc->scheduler != L4_SCHED_CONHASH)
		return 0;
	return is_one_way(backend->mode) ||
	       (backend->mode == L4_MODE_NAT && svc->flags & L4_SVC_ADOPT);
}

static __always_inline enum verdict start_flow(ctx_t *ctx, struct l4_scratch *s,
				      const struct l4_config *cfg)
{
	int found, opens = s->key.protocol == IPPROTO_UDP || opens_flow(s->tcp_flags);
	__u32 service_id = find_service(s, &found), slot, reason;
	struct l4_backend *backend;
	struct l4_service *svc;
	struct l4_flow *flow;
	__u8 state;

	if (!found)
		return VERDICT_PASS;
	if (service_id >= L4_OWNED_LIP)
		return handle_owned(s, service_id, cfg);
	svc = bpf_map_lookup_elem(&l4_svc, &service_id);
	if (!svc || !(svc->flags & L4_SVC_ENABLED))
		return VERDICT_PASS;
	/* A segment that opens nothing can only be adopted, and only as one that acknowledges. */
	if (!opens && ((s->tcp_flags & (TCP_SYN | TCP_ACK)) != TCP_ACK ||
		       (svc->scheduler != L4_SCHED_MH && svc->scheduler != L4_SCHED_CONHASH)))
		return drop(s, L4_DROP_NO_CONN);
	s->now_ns = now_ns();
	s->hash = hash_flow(s, svc, svc->hash_seed, svc->hash_mode);
	slot = select_backend(s, svc, service_id);
	backend = eligible_backend(slot);
	if (!backend)
		return drop(s, L4_DROP_NO_BACKEND);
	if (!opens && !can_adopt(svc, backend))
		return drop(s, L4_DROP_NO_CONN);
	state = s->key.protocol == IPPROTO_UDP ?
			(is_one_way(backend->mode) ? L4_UDP : L4_UDP_ONEWAY) :
			(opens ? L4_SYN_RECV : L4_ESTABLISHED);
	draft_flow(s, backend, service_id, slot, state);
	if (over_flow_cap(s, cfg->new_flow_cap)) {
		if (!can_adopt(svc, backend) || !is_one_way(backend->mode))
			return drop(s, L4_DROP_FLOOD);
		return forward(ctx, s, &s->flow, cfg, 0);
	}
	reason = insert_flow(s, svc, cfg);
	if (reason)
		return drop(s, reason);
	flow = bpf_map_lookup_elem(&l4_ct, &s->key);
	if (!flow)
		return drop(s, L4_DROP_CT_FULL);
	return forward(ctx, s, flow, cfg, 1);
}

static __always_inline enum verdict balance(ctx_t *ctx, struct l4_scratch *s)
{
	struct l4_config *cfg = config();
	struct l4_service *svc;
	struct l4_flow *flow;
	__u32 service;

	if (!cfg)
		return VERDICT_PASS;
	s->ifindex = ctx_ifindex(ctx);
	flow = bpf_map_lookup_elem(&l4_ct, &s->key);
	/* The tuple is used again: both entries go, and the flow is scheduled afresh. */
	if (flow && flow->dir == L4_DIR_IN && opens_flow(s->tcp_flags) &&
	    (flow->state == L4_TIME_WAIT || flow->state == L4_CLOSE)) {
		remove_flow(s, flow);
		flow = NULL;
	}
	if (!flow)
		return start_flow(ctx, s, cfg);
	s->now_ns = now_ns();
	service = flow->service;
	svc = bpf_map_lookup_elem(&l4_svc, &service);
	if (svc && svc->flags & L4_SVC_EXPIRE_QUIESCENT && flow->dir == L4_DIR_IN &&
	    !eligible_backend(flow->backend)) {
		remove_flow(s, flow);
		return drop(s, L4_DROP_QUIESCENT);
	}
	if (svc && flow->mode == L4_MODE_TUNNEL)
		s->hash = hash_flow(s, svc, svc->hash_seed, svc->hash_mode);
	update_flow(s, flow);
	return forward(ctx, s, flow, cfg, 0);
}

static __always_inline void count_drop(const struct l4_scratch *s, __u32 bytes)
{
	__u32 reason = s->reason;
	struct l4_drops *drops = bpf_map_lookup_elem(&l4_drop, &reason);

	if (!drops)
		return;
	drops->packets++;
	drops->bytes += bytes;
}

/* Everything between a packet and the verdict of the hook. */
static __always_inline int handle_packet(ctx_t *ctx)
{
	__u32 zero = 0, bytes = ctx_bytes(ctx);
	struct l4_scratch *s = bpf_map_lookup_elem(&l4_scratch, &zero);
	enum verdict verdict;
	int parsed;

	if (!s || !ctx_prepare(ctx))
		return ctx_verdict(s, VERDICT_PASS);
	parsed = parse(s, ctx);
	if (parsed == PARSE_PASS)
		return ctx_verdict(s, VERDICT_PASS);
	verdict = parsed == PARSE_BAD ? drop(s, L4_DROP_BAD_HEADER) : balance(ctx, s);
	if (verdict == VERDICT_DROP)
		count_drop(s, bytes);
	return ctx_verdict(s, verdict);
}

#endif
