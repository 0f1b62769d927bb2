/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Flows in the connection table: their keys, counters and time-outs. NATed flows have two entries,
 * one for each direction, found by the tuple of a packet of that direction; each entry leads to the other,
 * because what a packet is rewritten to is the reverse of the other direction's tuple.
 */
#ifndef BALANCER_L4_FLOW_H
#define BALANCER_L4_FLOW_H

#include "maps.h"
#include "state.h"

/* What becomes of a packet that is not dropped, sent or passed at once: numbers beyond those of verdicts. */
enum {
	STARTED = 16, /* it opened the flow in s->flow */
	JOINED = 17, /* it belongs to a flow of another packet, or to one without an entry */
	STARTS_PROXIED = 18, /* a SYN that we answer */
};

#define NS_PER_S 1000000000ULL
/* How stale last_ns may get; writing it for every packet would bounce the cache line. */
#define TOUCH_NS (250 * 1000000ULL)

static __always_inline __u64 now_ns(void)
{
	return bpf_ktime_get_ns();
}

/* A number that changes every 64 jiffies: 64 ms to 640 ms, depending on how the kernel was built. Reading it
 * is one load, where every clock costs 25 to 50 ns on a packet's path. */
static __always_inline __u16 current_tick(void)
{
	return bpf_jiffies64() >> 6;
}

static __always_inline struct l4_config *config(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&l4_cfg, &zero);
}

static __always_inline struct l4_scratch *scratch(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&l4_scratch, &zero);
}

static __always_inline void flow_peer_key(const struct l4_flow *flow, __u8 protocol,
					  struct l4_flow_key *key)
{
	key->src = flow->new_dst;
	key->dst = flow->new_src;
	key->sport = flow->new_dport;
	key->dport = flow->new_sport;
	key->protocol = protocol;
	key->zone = flow->peer_zone;
	key->zero = 0;
}

/* Sets or clears bits of an entry's flags, which packets of both directions do on several CPUs. */
static __always_inline void set_flags(struct l4_flow *flow, __u32 bits)
{
	__sync_fetch_and_or((__u32 *)&flow->state, bits << 24);
}

static __always_inline void clear_flags(struct l4_flow *flow, __u32 bits)
{
	__sync_fetch_and_and((__u32 *)&flow->state, ~(bits << 24));
}

static __always_inline int has_peer(const struct l4_flow *flow)
{
	return !is_one_way(flow->mode);
}

/* Whether a flow has come to the point that only an answer of its backend leads to. */
static __always_inline int has_answered(__u8 from, __u8 to)
{
	if (to == L4_ESTABLISHED)
		return from == L4_SYN_RECV || from == L4_SP_WAIT;
	return from == L4_UDP_ONEWAY && to == L4_UDP;
}

/* Whether a flow in a state still waits for the first answer of its backend. One-way modes do not see it. */
static __always_inline int is_unanswered(__u8 state, __u8 seen)
{
	if (state == L4_SYN_RECV)
		return !(seen & L4_SEEN_SYN_ACK);
	return state == L4_SP_WAIT || state == L4_UDP_ONEWAY;
}

/* Counters of the backend: a flow is active exactly while established, else inactive. */
static __always_inline void count_backend(__u32 backend, __u8 from, __u8 to, __u64 now)
{
	struct l4_counters *counters = bpf_map_lookup_elem(&l4_cnt, &backend);
	int was_active = from == L4_ESTABLISHED, is_active = to == L4_ESTABLISHED;
	int was_inactive = !was_active && from != L4_NONE;
	int is_inactive = !is_active && to != L4_NONE;

	if (!counters)
		return;
	if (was_active != is_active)
		__sync_fetch_and_add(&counters->active, is_active - was_active);
	if (was_inactive != is_inactive)
		__sync_fetch_and_add(&counters->inactive, is_inactive - was_inactive);
	if (from == L4_NONE)
		counters->last_new_ns = now;
	if (has_answered(from, to))
		__sync_fetch_and_add(&counters->up_events, 1);
}

/* A backend that refused a flow, or left it without an answer. */
static __always_inline void count_down(__u32 backend)
{
	struct l4_counters *counters = bpf_map_lookup_elem(&l4_cnt, &backend);

	if (counters)
		__sync_fetch_and_add(&counters->down_events, 1);
}

/* Counters of the service: flows, and those whose handshake is not complete. */
static __always_inline void count_service(__u32 service, __u8 from, __u8 to)
{
	struct l4_service_counters *counters = bpf_map_lookup_elem(&l4_scnt, &service);
	int conns = (to != L4_NONE) - (from != L4_NONE);
	int half_open = is_half_open(to) - is_half_open(from);

	if (!counters)
		return;
	if (conns)
		__sync_fetch_and_add(&counters->conns, conns);
	if (half_open)
		__sync_fetch_and_add(&counters->half_open, half_open);
}

static __always_inline void count_lip(__u16 lip, __s32 change)
{
	__u32 index = lip;
	struct l4_lip *record = bpf_map_lookup_elem(&l4_lip, &index);

	if (record)
		__sync_fetch_and_add(&record->conns, change);
}

/* What the counters need to know of a flow whose entry is about to go. */
struct flow_summary {
	__u32 service;
	__u32 backend;
	__u8 state;
	__u8 mode;
	__u16 lip;
	__u16 marks;
	struct addr16 client;
};

/* @key is the one that the entry is found by. */
static __always_inline void summarise(const struct l4_flow *flow, const struct l4_flow_key *key,
				      struct flow_summary *summary)
{
	summary->marks = flow->marks;
	if (unlikely(flow->marks & L4_FLOW_PER_CLIENT))
		summary->client = flow->dir == L4_DIR_IN ? key->src : flow->new_dst;
	summary->service = flow->service;
	summary->backend = flow->backend;
	summary->state = flow->state;
	summary->mode = flow->mode;
	summary->lip = flow->lip;
}

static __noinline void release_source(const struct addr16 *client, __u32 service)
{
	struct l4_source_key key = { .service = service };
	struct l4_source *source;

	key.client = *client;
	source = bpf_map_lookup_elem(&l4_src, &key);
	if (source)
		__sync_fetch_and_add(&source->conns, -1);
}

static __always_inline void count_removed(const struct flow_summary *flow)
{
	if (unlikely(flow->marks & L4_FLOW_PER_CLIENT))
		release_source(&flow->client, flow->service);
	count_backend(flow->backend, flow->state, L4_NONE, 0);
	count_service(flow->service, flow->state, L4_NONE);
	if (has_lip(flow->mode))
		count_lip(flow->lip, -1);
}

static __always_inline void count_template(__u32 backend, int change)
{
	struct l4_counters *counters = bpf_map_lookup_elem(&l4_cnt, &backend);

	if (counters)
		__sync_fetch_and_add(&counters->persist, change);
}

/* Seconds without a packet after which a flow is over; a service may have its own for established ones. */
static __always_inline __u64 timeout_ns(const struct l4_flow *flow, const struct l4_config *cfg)
{
	__u32 service = flow->service, state = flow->state;
	struct l4_service *svc;

	if (state == L4_ESTABLISHED || state == L4_UDP) {
		svc = bpf_map_lookup_elem(&l4_svc, &service);
		if (svc && svc->est_timeout_s)
			return svc->est_timeout_s * NS_PER_S;
	}
	return cfg->timeouts[state & 15] * NS_PER_S;
}

/* Whether a flow is over at a time, given when a packet of either direction was last seen. */
static __always_inline int is_over(const struct l4_flow *flow, const struct l4_flow *peer,
				   const struct l4_config *cfg, __u64 now)
{
	__u64 last_ns = flow->last_ns;

	if (peer && peer->last_ns > last_ns)
		last_ns = peer->last_ns;
	return now > last_ns && now - last_ns > timeout_ns(flow, cfg);
}

#endif
