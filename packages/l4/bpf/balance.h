/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The packet load balancer: a packet to a service goes to one of its backends, the replies of NATed flows
 * go back to the client, everything else is passed to the kernel. What is here is the path of packets of
 * known flows; what is rare is in functions of its own, so that this path stays short and in the cache.
 */
#ifndef BALANCER_L4_BALANCE_H
#define BALANCER_L4_BALANCE_H

#include "output.h"
#include "parse.h"
#include "report.h"
#include "rewrite.h"
#include "start.h"
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

static __always_inline enum verdict send_to_backend(ctx_t *ctx, struct packet *p,
						    const struct l4_backend *backend,
						    const struct addr16 *src, __u32 overhead,
						    int on_link)
{
	if (likely(backend->flags & L4_BE_STATIC_L2))
		return send_frame(ctx, p, backend->dmac, backend->smac, backend->ifindex);
	p->route.bytes = ctx_segment_bytes(ctx, p) + overhead;
	p->route.on_link = on_link;
	return send_by_route(ctx, p, src, &backend->address);
}

static __always_inline enum verdict forward_in_tunnel(ctx_t *ctx, struct packet *p,
						      const struct l4_flow *flow,
						      const struct l4_backend *backend,
						      const struct l4_config *cfg)
{
	int outer6 = backend->family == 6;
	const struct addr16 *src = outer6 ? &cfg->tunnel_source6 : &cfg->tunnel_source4;
	struct addr16 made;
	__u32 hash = 0;

	if (outer6 || cfg->flags & L4_CFG_TUNNEL_RSS)
		hash = tunnel_hash(p, flow->service);
	if (unlikely(cfg->flags & L4_CFG_TUNNEL_RSS)) {
		rss_source(&made, hash, outer6);
		src = &made;
	}
	if (encapsulate(ctx, p, src, backend, hash))
		return drop(p, L4_DROP_ENCAP_FAIL);
	return send_to_backend(ctx, p, backend, src, outer6 ? 40 : 20, 0);
}

/* A packet to the backend, by the flow's mode. */
static __always_inline enum verdict forward_in(ctx_t *ctx, struct packet *p, const struct l4_flow *flow,
					       const struct l4_backend *backend,
					       const struct l4_config *cfg)
{
	if (flow->mode == L4_MODE_TUNNEL)
		return forward_in_tunnel(ctx, p, flow, backend, cfg);
	if (flow->mode == L4_MODE_DR) {
		if (rewrite_dr(ctx, p))
			return drop(p, L4_DROP_HELPER_ERROR);
		return send_to_backend(ctx, p, backend, &p->key.src, 0, 1);
	}
	if (rewrite_nat(ctx, p, flow))
		return drop(p, L4_DROP_HELPER_ERROR);
	return send_to_backend(ctx, p, backend, &flow->new_src, 0, 0);
}

/* A reply to the client. */
static __always_inline enum verdict forward_out(ctx_t *ctx, struct packet *p, const struct l4_flow *flow,
						const struct l4_config *cfg)
{
	if (rewrite_nat(ctx, p, flow))
		return drop(p, L4_DROP_HELPER_ERROR);
	if (cfg->reply_path == L4_REPLY_SYMMETRIC)
		return send_frame(ctx, p, flow->mac, flow->our_mac, flow->ifindex);
	p->route.bytes = ctx_segment_bytes(ctx, p);
	p->route.on_link = 0;
	return send_by_route(ctx, p, &flow->new_src, &flow->new_dst);
}

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

static __always_inline enum verdict forward(ctx_t *ctx, struct packet *p, struct l4_flow *flow,
					    const struct l4_config *cfg, int is_new)
{
	__u32 slot = flow->backend;
	struct l4_backend *backend;

	if (unlikely(p->ttl <= 1))
		return drop(p, L4_DROP_TTL);
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
	count_packet(p, flow, is_new);
	end_of_stage(p, STAGE_COUNTED, 1);
	if (cfg->reply_path == L4_REPLY_SYMMETRIC && !is_new && has_peer(flow))
		follow_client(ctx, p, flow);
	return forward_in(ctx, p, flow, backend, cfg);
}

static __always_inline int may_be_ours(const struct packet *p)
{
	__u32 zero = 0, dst = filter_bit(&p->key.dst), src = filter_bit(&p->key.src);
	struct l4_filter *filter = bpf_map_lookup_elem(&l4_filter, &zero);

	return !filter || filter->words[dst >> 6] >> (dst & 63) & 1 ||
	       filter->words[src >> 6] >> (src & 63) & 1;
}

static __always_inline enum verdict balance(ctx_t *ctx, struct packet *p)
{
	struct l4_config *cfg = config();
	struct l4_scratch *s;
	struct l4_flow *flow;
	int started = JOINED;

	if (!cfg || (cfg->flags & L4_CFG_FILTER && !may_be_ours(p)))
		return VERDICT_PASS;
	end_of_stage(p, STAGE_PARSED, p->key.dport);
	p->ifindex = ctx_ifindex(ctx);
	flow = bpf_map_lookup_elem(&l4_ct, &p->key);
	end_of_stage(p, STAGE_FOUND, flow);
	/* The tuple is used again: both entries go, and the flow is scheduled afresh. */
	if (flow && unlikely(flow->state == L4_TIME_WAIT || flow->state == L4_CLOSE) &&
	    flow->dir == L4_DIR_IN && opens_flow(p->tcp_flags)) {
		remove_flow(p, flow);
		flow = NULL;
	}
	if (likely(flow)) {
		update_flow(p, flow);
		end_of_stage(p, STAGE_TRACKED, 1);
	} else {
		started = start_flow(ctx, p);
		s = scratch();
		if (started < STARTED || !s)
			return started;
		flow = &s->flow;
	}
	return forward(ctx, p, flow, cfg, started == STARTED);
}

/* Everything between a packet and the verdict of the hook. */
static __always_inline int handle_packet(ctx_t *ctx)
{
	__u32 bytes = ctx_bytes(ctx);
	enum verdict verdict;
	struct packet packet = { .service = NO_SERVICE };
	int parsed;

	if (!ctx_prepare(ctx))
		return ctx_verdict(&packet, VERDICT_PASS);
	parsed = parse(&packet, ctx);
	if (parsed == PARSE_PASS)
		return ctx_verdict(&packet, VERDICT_PASS);
	verdict = parsed == PARSE_BAD ? drop(&packet, L4_DROP_BAD_HEADER) : balance(ctx, &packet);
	if (unlikely(packet.reason))
		count_drop(&packet, bytes);
	return ctx_verdict(&packet, verdict);
}

#endif
