/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The packet load balancer: a packet to a service goes to one of its backends, the replies of NATed flows
 * go back to the client, everything else is passed to the kernel. What is here is the path of packets of
 * known flows; what is rare is in functions of its own, so that this path stays short and in the cache.
 */
#ifndef BALANCER_L4_BALANCE_H
#define BALANCER_L4_BALANCE_H

#include "close.h"
#include "forward.h"
#include "echo.h"
#include "fragment.h"
#include "half-open.h"
#include "icmp.h"
#include "parse.h"
#include "mss.h"
#include "report.h"
#include "start.h"
#include "synproxy.h"
#include "track.h"

/* Where bench/stages.bench.ts cuts the path off, to see what each stage costs. */
enum stage {
	STAGE_PARSED = 1,
	STAGE_FOUND,
	STAGE_TRACKED,
	STAGE_BACKEND,
	STAGE_COUNTED,
};

#ifdef L4_STAGE
#define end_of_stage(p, stage, needed)                                                             \
	do {                                                                                       \
		if (L4_STAGE == (stage)) {                                                         \
			(p)->verdict = (needed) ? XDP_TX : XDP_DROP;                               \
			return VERDICT_SENT;                                                       \
		}                                                                                  \
	} while (0)
#else
#define end_of_stage(p, stage, needed)
#endif

/* The client's packets begin to come from another router: replies of symmetric paths follow. */
__noinline int move_client(const struct packet *p, struct l4_flow *flow, const struct macs *macs)
{
	struct l4_flow_key key;
	struct l4_flow *reply;

	if (!p || !flow || !macs)
		return 0;
	flow->ifindex = p->ifindex;
	__builtin_memcpy(flow->mac, macs->src, sizeof(flow->mac));
	__builtin_memcpy(flow->our_mac, macs->dst, sizeof(flow->our_mac));
	flow_peer_key(flow, p->key.protocol, &key);
	reply = bpf_map_lookup_elem(&l4_ct, &key);
	if (!reply)
		return 0;
	reply->ifindex = p->ifindex;
	__builtin_memcpy(reply->mac, macs->src, sizeof(reply->mac));
	__builtin_memcpy(reply->our_mac, macs->dst, sizeof(reply->our_mac));
	return 0;
}

static __always_inline void follow_client(const ctx_t *ctx, const struct packet *p,
					  struct l4_flow *flow)
{
	struct eth_header *eth = ctx_data(ctx);
	struct macs macs;

	if ((void *)(eth + 1) > ctx_end(ctx))
		return;
	if (likely(flow->ifindex == p->ifindex && same_mac(flow->mac, eth->src)))
		return;
	__builtin_memcpy(macs.src, eth->src, sizeof(macs.src));
	__builtin_memcpy(macs.dst, eth->dst, sizeof(macs.dst));
	move_client(p, flow, &macs);
}

static __always_inline int is_down(const struct l4_backend *backend)
{
	return !(backend->flags & L4_BE_AVAILABLE) || !backend->weight;
}

/* Whether the flows of a backend that is down are to end. */
__noinline int expires_quiescent(__u32 service)
{
	struct l4_service *svc = bpf_map_lookup_elem(&l4_svc, &service);

	return svc && svc->flags & L4_SVC_EXPIRE_QUIESCENT;
}

/* A packet of a flow that needs more than rewriting, or that is to end. Returns JOINED when it goes on, else the
 * verdict. */
__noinline int meet_special(ctx_t *ctx, struct packet *p, struct l4_flow *flow)
{
	if (!p || !flow)
		return VERDICT_DROP;
	if (ends_flow(p, flow))
		return end_flow(ctx, p, flow);
	if (flow->dir == L4_DIR_OUT && note_special_out(ctx, p, flow))
		return drop(p, L4_DROP_HELPER_ERROR);
	return JOINED;
}

static __always_inline enum verdict forward(ctx_t *ctx, struct packet *p, struct l4_flow *flow,
					    const struct l4_config *cfg, int is_new)
{
	__u32 slot = flow->backend;
	struct l4_backend *backend;
	int met;

	if (unlikely(p->ttl <= 1))
		return end_of_life(p, flow->mode == L4_MODE_SNAT && flow->dir == L4_DIR_IN);
	if (feature(flow->flags & L4_FLOW_SPECIAL)) {
		met = meet_special(ctx, p, flow);
		if (met != JOINED)
			return met;
	}
	if (flow->dir == L4_DIR_OUT) {
		count_packet(p, flow, 0);
		return forward_out(ctx, p, flow, cfg);
	}
	backend = bpf_map_lookup_elem(&l4_be, &slot);
	if (!backend)
		return drop(p, L4_DROP_NO_BACKEND);
	end_of_stage(p, STAGE_BACKEND, backend->weight);
	if (unlikely(is_down(backend)) && !is_new && expires_quiescent(flow->service)) {
		remove_flow(p, flow);
		return drop(p, L4_DROP_QUIESCENT);
	}
	if (feature(backend->flags & (L4_BE_METERED | L4_BE_VLAN))) {
		if (backend->flags & L4_BE_METERED &&
		    over_rate(p, flow->service, ctx_segments(ctx)))
			return drop(p, L4_DROP_RATE);
		note_tag(p, backend);
	}
	count_packet(p, flow, is_new);
	end_of_stage(p, STAGE_COUNTED, 1);
	if (cfg->reply_path == L4_REPLY_SYMMETRIC && !is_new && has_peer(flow))
		follow_client(ctx, p, flow);
	return forward_in(ctx, p, flow, backend, cfg, &p->key.dst);
}

static __always_inline int may_be_ours(const struct packet *p)
{
	__u32 zero = 0, dst = filter_bit(&p->key.dst), src = filter_bit(&p->key.src);
	struct l4_filter *filter = bpf_map_lookup_elem(&l4_filter, &zero);

	return !filter || filter->words[dst >> 6] >> (dst & 63) & 1 ||
	       filter->words[src >> 6] >> (src & 63) & 1;
}

/* A packet that may change something about its flow. Returns JOINED when it goes on, else the verdict. */
__noinline int meet_unusual(ctx_t *ctx, struct packet *p, struct l4_flow *flow)
{
	if (!p || !flow)
		return VERDICT_DROP;
	/* The tuple is used again: both entries go, and the flow is scheduled afresh. */
	if (reopens(p, flow)) {
		remove_flow(p, flow);
		return JOINED;
	}
	if (flow->flags & L4_FLOW_SYNPROXY && is_of_handshake(p, flow))
		return follow_proxied(ctx, p, flow);
	if (p->key.protocol == IPPROTO_TCP ||
	    (flow->state == L4_UDP_ONEWAY && flow->dir == L4_DIR_OUT))
		change_state(p, flow);
	if (flow->dir == L4_DIR_OUT && p->tcp_flags & TCP_SYN)
		lower_mss(ctx, p, flow);
	return JOINED;
}

/* What is to be done when start_flow has opened a flow, or left a SYN to us. Returns STARTED or JOINED when
 * the packet goes on, else the verdict. */
__noinline int finish_start(ctx_t *ctx, struct packet *p, int started)
{
	struct l4_scratch *s = scratch();

	if (!p || !s)
		return VERDICT_DROP;
	if (started == STARTS_PROXIED)
		return answer_syn(ctx, p);
	if (started == STARTED && is_half_open(s->flow.state))
		note_half_open(p, s->flow.created_ns);
	if (s->flow.state != L4_SP_WAIT)
		return started;
	/* The client sent its acknowledgement twice at once. */
	if (started == JOINED)
		return drop(p, L4_DROP_SP_WAIT);
	return turn_into_syn(ctx, p, s->cookie, s->isn_c) ? drop(p, L4_DROP_HELPER_ERROR) : STARTED;
}

static __always_inline enum verdict balance(ctx_t *ctx, struct packet *p)
{
	struct l4_config *cfg = config();
	struct l4_scratch *s;
	struct l4_flow *flow;
	int started = JOINED;

	if (!cfg)
		return VERDICT_PASS;
	if (cfg->flags & L4_CFG_FILTER && !may_be_ours(p)) {
		if (likely(!(cfg->flags & L4_CFG_MATCH)) || !may_match(p))
			return VERDICT_PASS;
		p->is_foreign = 1;
	}
	end_of_stage(p, STAGE_PARSED, p->key.dport);
	p->ifindex = ctx_ifindex(ctx);
	flow = bpf_map_lookup_elem(&l4_ct, &p->key);
	end_of_stage(p, STAGE_FOUND, flow);
	if (flow && unlikely(!is_plain(p, flow))) {
		started = meet_unusual(ctx, p, flow);
		if (started < STARTED)
			return started;
		/* Another one may be meant now, or none. */
		flow = bpf_map_lookup_elem(&l4_ct, &p->key);
	}
	if (likely(flow)) {
		keep_alive(flow);
		end_of_stage(p, STAGE_TRACKED, 1);
	} else {
		if (unlikely(p->fragment == FRAGMENT_LATER))
			return miss_fragment(ctx, p);
		started = start_flow(ctx, p);
		if (started >= STARTED)
			started = finish_start(ctx, p, started);
		s = scratch();
		if (started < STARTED || !s)
			return started;
		flow = &s->flow;
	}
	if (feature(p->fragment == FRAGMENT_FIRST))
		keep_ports(p);
	return forward(ctx, p, flow, cfg, started == STARTED);
}

/* The kernel gets the frame as it came. */
static __always_inline int pass(ctx_t *ctx, struct packet *p)
{
	__u32 bytes = ctx_bytes(ctx);

	if (likely(!feature(p->vlan)) || !restore_tag(ctx, p))
		return ctx_verdict(p, VERDICT_PASS);
	drop(p, L4_DROP_VLAN);
	count_drop(p, bytes);
	return ctx_verdict(p, VERDICT_DROP);
}

/* Everything between a packet and the verdict of the hook. */
static __always_inline int handle_packet(ctx_t *ctx)
{
	__u32 bytes = ctx_bytes(ctx);
	enum verdict verdict;
	struct packet packet = { .service = NO_SERVICE };
	int parsed;

	if (!ctx_prepare(ctx) && !prepare_tagged(ctx, &packet))
		return ctx_verdict(&packet, VERDICT_PASS);
	parsed = parse(&packet, ctx);
	if (feature(parsed == PARSE_TAGGED))
		parsed = parse_tagged(ctx, &packet);
	if (feature(parsed == PARSE_LATER))
		parsed = recall_ports(&packet);
	else if (unlikely(parsed == PARSE_ICMP))
		parsed = parse_icmp(ctx, &packet);
	if (parsed == PARSE_PASS)
		return pass(ctx, &packet);
	if (likely(parsed == PARSED))
		verdict = packet.reason ? VERDICT_DROP : balance(ctx, &packet);
	else if (feature(parsed == PARSE_ICMP))
		verdict = forward_error(ctx, &packet);
	else
		verdict = drop(&packet, L4_DROP_BAD_HEADER);
	if (verdict == VERDICT_PASS && feature(packet.vlan))
		return pass(ctx, &packet);
	if (unlikely(packet.reason))
		count_drop(&packet, bytes);
	return ctx_verdict(&packet, verdict);
}

#endif
