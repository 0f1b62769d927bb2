/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The first packet of a flow: which service it is for, which backend takes it, and the flow's entries. */
#ifndef BALANCER_L4_START_H
#define BALANCER_L4_START_H

#include "admit.h"
#include "claim.h"
#include "match.h"
#include "reject.h"
#include "select.h"
#include "snat.h"
#include "special.h"
#include "synproxy.h"
#include "template.h"
#include "track.h"
#include "translate.h"

/* The service of the packet's destination, or a value of L4_OWNED_*; NULL for addresses that are not ours. */
static __noinline __u32 *find_service(const struct packet *p)
{
	struct l4_vip_key key = { .port = p->key.dport, .protocol = p->key.protocol };
	__u32 *id;

	key.address = p->key.dst;
	id = bpf_map_lookup_elem(&l4_vip, &key);
	if (id)
		return id;
	key.port = 0;
	id = bpf_map_lookup_elem(&l4_vip, &key);
	if (id)
		return id;
	key.protocol = 0;
	return bpf_map_lookup_elem(&l4_vip, &key);
}

/* The service that takes a new flow's packets, or a value of L4_OWNED_*: NO_SERVICE is that of packets that go to
 * the kernel. Echoes to our addresses do as well. */
static __always_inline __u32 service_of(ctx_t *ctx, struct packet *p, const struct l4_config *cfg)
{
	__u32 *id = p->is_foreign ? NULL : find_service(p);

	if (likely(id))
		return *id >= L4_OWNED_LIP && is_icmp(p->key.protocol) ? NO_SERVICE : *id;
	return cfg->flags & L4_CFG_MATCH ? match_service(ctx, p) : NO_SERVICE;
}

/* A packet whose time is over. Of hosts behind us the kernel tells them so, as a router does; it is not
 * forwarded there either. */
static __always_inline enum verdict end_of_life(struct packet *p, int from_behind)
{
	return from_behind ? VERDICT_PASS : drop(p, L4_DROP_TTL);
}

/* A later fragment of no packet that we know: what a rule matches must not go out as it is. */
__noinline int miss_fragment(ctx_t *ctx, struct packet *p)
{
	if (!p)
		return VERDICT_PASS;
	if (!p->is_foreign && find_service(p))
		return is_icmp(p->key.protocol) ? VERDICT_PASS : drop(p, L4_DROP_FRAG_MISS);
	return match_service(ctx, p) == NO_SERVICE ? VERDICT_PASS : drop(p, L4_DROP_FRAG_MISS);
}

/* A packet to an address of ours that no service and no flow claims. */
static __always_inline enum verdict handle_owned(struct packet *p, __u32 owned,
						 const struct l4_config *cfg)
{
	__u16 port = bpf_ntohs(p->key.dport);

	if (owned == L4_OWNED_DROP)
		return drop(p, L4_DROP_UNKNOWN_PORT);
	/* The kernel would answer with RST and kill flows of a node that has just restarted. */
	if (owned == L4_OWNED_LIP && port >= cfg->port_lo && port <= cfg->port_hi)
		return drop(p, L4_DROP_LIP_NO_CONN);
	return VERDICT_PASS;
}

static __always_inline int has_key_table(const struct l4_service *svc)
{
	return svc->scheduler == L4_SCHED_MH || svc->scheduler == L4_SCHED_CONHASH ||
	       svc->scheduler == L4_SCHED_SH;
}

/* A flow that is not known may be taken over from another node, which chose by the same table. */
static __always_inline int can_adopt(const struct l4_service *svc, const struct l4_backend *backend)
{
	if (!has_key_table(svc))
		return 0;
	return is_one_way(backend->mode) ||
	       (backend->mode == L4_MODE_NAT && svc->flags & L4_SVC_ADOPT);
}

/* At most new_flow_cap new flows per second on this CPU; 0 means no limit. */
static __always_inline int over_flow_cap(struct l4_scratch *s, __u64 now, __u32 cap)
{
	if (!cap)
		return 0;
	if (now - s->window_start_ns >= NS_PER_S) {
		s->window_start_ns = now;
		s->window_count = 0;
	}
	if (s->window_count >= cap)
		return 1;
	s->window_count++;
	return 0;
}

static __always_inline __u8 first_state(const struct packet *p, const struct l4_backend *backend,
					int opens)
{
	if (p->key.protocol == IPPROTO_UDP)
		return is_one_way(backend->mode) ? L4_UDP : L4_UDP_ONEWAY;
	if (unlikely(p->key.protocol != IPPROTO_TCP))
		return L4_ICMP;
	return opens ? L4_SYN_RECV : L4_ESTABLISHED;
}

/* Whether a service has at least so many flows. */
static __always_inline int has_flows(__u32 service, __u32 count)
{
	struct l4_service_counters *counters = bpf_map_lookup_elem(&l4_scnt, &service);

	return counters && counters->conns >= count;
}

/* Whether the flow that was just counted is one too many: another CPU's came between the look at the counter
 * and the count. Returns the drop reason, 0 when there is room. */
__noinline int exceeds_limit(__u32 service, __u32 max_conns, __u32 slot, __u32 upper)
{
	struct l4_counters *counters = bpf_map_lookup_elem(&l4_cnt, &slot);
	__u64 flows;

	if (max_conns && has_flows(service, max_conns + 1))
		return L4_DROP_LIMIT;
	if (!upper || !counters)
		return 0;
	flows = (__u64)counters->active + counters->inactive;
	if (flows >= upper)
		counters->overloaded = 1;
	return flows > upper ? L4_DROP_NO_BACKEND : 0;
}

/* What the packet opens is the flow of a client whose SYN was answered by us; other ways are 0 and 1. */
#define OPENS_PROXIED 2

/* Fills s->flow for a packet that had none. Returns STARTED, JOINED, or the verdict. */
__noinline int start_flow(ctx_t *ctx, struct packet *p)
{
	struct l4_config *cfg = config();
	struct l4_scratch *s = scratch();
	__u32 id, slot = 0, reason, hash;
	struct l4_backend *backend;
	struct l4_service *svc;
	struct l4_flow *winner;
	int opens, is_translated, is_new = 0;

	if (!p || !cfg || !s)
		return VERDICT_PASS;
	id = service_of(ctx, p, cfg);
	if (id >= L4_OWNED_LIP)
		return handle_owned(p, id, cfg);
	p->service = id;
	svc = bpf_map_lookup_elem(&l4_svc, &id);
	if (!svc || !(svc->flags & L4_SVC_ENABLED))
		return VERDICT_PASS;
	if (unlikely(svc->vlan) && (p->vlan & VLAN_ID) != svc->vlan)
		return drop(p, L4_DROP_VLAN);
	if (unlikely(svc->flags & (L4_SVC_DENY | L4_SVC_ALLOW))) {
		reason = lists_forbid(&p->key.src, p->service, svc->flags);
		if (reason)
			return drop(p, reason);
	}
	opens = p->key.protocol != IPPROTO_TCP || opens_flow(p->tcp_flags);
	/* A segment that opens nothing can only be adopted, and only as one that acknowledges. */
	if (!opens && ((p->tcp_flags & (TCP_SYN | TCP_ACK)) != TCP_ACK ||
		       !(svc->synproxy || has_key_table(svc))))
		return drop(p, L4_DROP_NO_CONN);
	if (p->ttl <= 1)
		return end_of_life(p, svc->flags & L4_SVC_SNAT);
	if (unlikely(svc->max_conns) && has_flows(p->service, svc->max_conns))
		return drop(p, L4_DROP_LIMIT);
	if (unlikely(svc->synproxy)) {
		if (opens)
			return STARTS_PROXIED;
		if (p->tcp_flags & TCP_RST || !is_usual(p) || !accept_cookie(ctx, p))
			return drop(p, L4_DROP_BAD_COOKIE);
		opens = OPENS_PROXIED;
	}
	p->now_ns = now_ns();
	if (unlikely(svc->flags & L4_SVC_LIMITED)) {
		reason = check_limits(p, p->service);
		if (reason)
			return drop(p, reason);
	}
	hash = hash_flow(p, svc, svc->hash_seed, svc->hash_mode);
	if (svc->flags & L4_SVC_PERSISTENT) {
		template_key(p, svc, &s->template_key);
		slot = find_template(p, &s->template_key);
	}
	if (!slot)
		slot = select_backend(p, svc, p->service, hash);
	backend = eligible_backend(slot);
	if (!backend)
		return (svc->flags & L4_SVC_RESET && !is_icmp(p->key.protocol)) || opens == OPENS_PROXIED ?
			       reject(ctx, p) :
			       drop(p, L4_DROP_NO_BACKEND);
	if (!opens && !can_adopt(svc, backend))
		return drop(p, L4_DROP_NO_CONN);
	is_translated = unlikely(svc->flags & L4_SVC_NAT64) && backend->mode == L4_MODE_FNAT;
	if (is_translated && !can_translate(ctx, p))
		return drop(p, L4_DROP_XLAT_UNSUPPORTED);
	draft_flow(ctx, p, s, backend, slot,
		   opens == OPENS_PROXIED ? L4_SP_WAIT : first_state(p, backend, opens));
	if (is_translated) {
		s->flow.flags |= L4_FLOW_NAT64;
		s->reply.flags |= L4_FLOW_NAT64;
	}
	if (unlikely(svc->flags & (L4_SVC_TOA | L4_SVC_PROXY)))
		tell_client(ctx, p);
	if (opens == OPENS_PROXIED)
		draft_proxied(s);
	if (svc->flags & L4_SVC_ONE_PACKET && p->key.protocol == IPPROTO_UDP &&
	    is_one_way(backend->mode)) {
		complete_flow(s);
		return STARTED;
	}
	if (over_flow_cap(s, p->now_ns, cfg->new_flow_cap)) {
		if (!can_adopt(svc, backend) || !is_one_way(backend->mode))
			return drop(p, L4_DROP_FLOOD);
		complete_flow(s);
		return JOINED;
	}
	if (svc->flags & L4_SVC_PERSISTENT)
		keep_template(p, svc, &s->template_key, slot);
	if (unlikely(svc->src_max_conns)) {
		if (claim_source(p, p->service, svc->src_max_conns))
			return drop(p, L4_DROP_LIMIT);
		s->flow.marks |= L4_FLOW_PER_CLIENT;
		s->reply.marks |= L4_FLOW_PER_CLIENT;
	}
	reason = 0;
	if (unlikely(backend->mode == L4_MODE_SNAT)) {
		draft_snat(p, s, backend);
		reason = claim_outside(p);
		if (reason == L4_DROP_NO_PORT && draft_other(p, hash))
			reason = claim_outside(p);
		slot = s->flow.backend;
	}
	if (!reason)
		reason = insert_flow(p, s, svc, cfg, &is_new);
	if (unlikely(svc->src_max_conns) && (reason || !is_new))
		release_source(&p->key.src, p->service);
	if (reason)
		return drop(p, reason);
	if (is_new) {
		if (likely(!svc->max_conns && !backend->upper))
			return STARTED;
		reason = exceeds_limit(p->service, svc->max_conns, slot, backend->upper);
		if (!reason)
			return STARTED;
		remove_flow(p, &s->flow);
		return drop(p, reason);
	}
	winner = bpf_map_lookup_elem(&l4_ct, &p->key);
	if (!winner)
		return drop(p, L4_DROP_CT_FULL);
	s->flow = *winner;
	return JOINED;
}

#endif
