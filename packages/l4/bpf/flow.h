/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The life of a flow: creation with its port claim, state changes, removal. NATed flows have two
 * entries, one for each direction, found by the tuple of a packet of that direction; each entry leads to
 * the other, because what a packet is rewritten to is the reverse of the other direction's tuple.
 */
#ifndef BALANCER_L4_FLOW_H
#define BALANCER_L4_FLOW_H

#include "select.h"
#include "state.h"

#define NS_PER_S 1000000000ULL
/* How stale last_ns may get; writing it for every packet would bounce the cache line. */
#define TOUCH_NS (250 * 1000000ULL)
#define CLAIM_TRIES 32
/* A prime, so that tries of neighbouring flows do not follow each other. */
#define CLAIM_STEP 7919

/* CLOCK_MONOTONIC as of the last tick, a few ms old: time-outs are seconds, and reading the clock itself
 * costs as much as a hash look-up on virtual machines. */
static __always_inline __u64 now_ns(void)
{
	return bpf_ktime_get_coarse_ns();
}

static __always_inline struct l4_config *config(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&l4_cfg, &zero);
}

static __always_inline void flow_peer_key(const struct l4_flow *flow, __u8 protocol,
					  struct l4_flow_key *key)
{
	__builtin_memset(key, 0, sizeof(*key));
	key->src = flow->new_dst;
	key->dst = flow->new_src;
	key->sport = flow->new_dport;
	key->dport = flow->new_sport;
	key->protocol = protocol;
}

static __always_inline int has_peer(const struct l4_flow *flow)
{
	return !is_one_way(flow->mode);
}

static __always_inline void count_state(__u32 backend, __u8 from, __u8 to)
{
	struct l4_counters *counters = bpf_map_lookup_elem(&l4_cnt, &backend);

	if (!counters)
		return;
	if (from == L4_NONE)
		__sync_fetch_and_add(&counters->inactive, 1);
	if (from != L4_ESTABLISHED && to == L4_ESTABLISHED) {
		__sync_fetch_and_add(&counters->active, 1);
		__sync_fetch_and_add(&counters->inactive, -1);
	} else if (from == L4_ESTABLISHED && to != L4_ESTABLISHED) {
		__sync_fetch_and_add(&counters->active, -1);
		__sync_fetch_and_add(&counters->inactive, 1);
	}
	if (to == L4_NONE)
		__sync_fetch_and_add(&counters->inactive, -1);
}

static __always_inline void count_service(__u32 service, __s32 change)
{
	struct l4_service_counters *counters = bpf_map_lookup_elem(&l4_scnt, &service);

	if (counters)
		__sync_fetch_and_add(&counters->conns, change);
}

static __always_inline void count_lip(__u16 lip, __s32 change)
{
	__u32 index = lip;
	struct l4_lip *record = bpf_map_lookup_elem(&l4_lip, &index);

	if (record)
		__sync_fetch_and_add(&record->conns, change);
}

/* Removes a flow with both its entries. The copy in s->flow outlives the entry. */
static __always_inline void remove_flow(struct l4_scratch *s, const struct l4_flow *flow)
{
	s->flow = *flow;
	if (has_peer(&s->flow)) {
		flow_peer_key(&s->flow, s->key.protocol, &s->reply_key);
		bpf_map_delete_elem(&l4_ct, &s->reply_key);
	}
	if (bpf_map_delete_elem(&l4_ct, &s->key))
		return; /* someone else removed it, and counted */
	count_state(s->flow.backend, s->flow.state, L4_NONE);
	count_service(s->flow.service, -1);
	if (s->flow.mode == L4_MODE_FNAT)
		count_lip(s->flow.lip, -1);
}

/* Notes a TCP segment or datagram in the flow it belongs to; both entries change on what matters. */
static __always_inline void update_flow(struct l4_scratch *s, struct l4_flow *flow)
{
	__u8 state = flow->state, seen = flow->seen, next = state;
	struct l4_flow *peer = NULL;

	if (s->now_ns - flow->last_ns > TOUCH_NS)
		flow->last_ns = s->now_ns;
	if (s->key.protocol == IPPROTO_TCP) {
		seen |= seen_bits(s->tcp_flags, flow->dir);
		flow->seen = seen;
		next = next_state(flow, s->tcp_flags);
	} else if (state == L4_UDP_ONEWAY && flow->dir == L4_DIR_OUT) {
		next = L4_UDP;
	}
	if (next == state && !(s->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST)))
		return;
	if (has_peer(flow)) {
		flow_peer_key(flow, s->key.protocol, &s->reply_key);
		peer = bpf_map_lookup_elem(&l4_ct, &s->reply_key);
	}
	if (peer) {
		peer->seen |= seen;
		peer->state = next;
		peer->last_ns = s->now_ns;
	}
	flow->last_ns = s->now_ns;
	if (next == state)
		return;
	flow->state = next;
	count_state(flow->backend, state, next);
}

/* At most new_flow_cap new flows per second on this CPU; 0 means no limit. */
static __always_inline int over_flow_cap(struct l4_scratch *s, __u32 cap)
{
	if (!cap)
		return 0;
	if (s->now_ns - s->window_start_ns >= NS_PER_S) {
		s->window_start_ns = s->now_ns;
		s->window_count = 0;
	}
	return s->window_count++ >= cap;
}

static __always_inline void count_miss(__u32 lip)
{
	struct l4_lip *record = bpf_map_lookup_elem(&l4_lip, &lip);

	if (record)
		__sync_fetch_and_add(&record->misses, 1);
}

struct claim {
	struct l4_scratch *s;
	__u32 first; /* port where the search begins, relative to lo */
	__u32 count; /* ports of the range */
	__u32 lo;
	__u32 close_timeout_s;
	__u32 done;
};

/* Whether the flow of a reply entry is over, so that its port may be taken. */
static __always_inline int is_over(const struct l4_flow *reply, __u64 now_ns)
{
	struct l4_config *cfg = config();
	__u32 state = reply->state;

	if (state == L4_CLOSE)
		return 1;
	if (!cfg || state >= 16)
		return 0;
	return now_ns - reply->last_ns > cfg->timeouts[state] * NS_PER_S;
}

/* Tries one port of the local address that s->reply_key.dst has. */
static long try_port(__u32 attempt, struct claim *claim)
{
	__u32 offset = claim->first + attempt * CLAIM_STEP;
	struct l4_scratch *s = claim->s;
	struct l4_flow *holder;
	__u32 zero = 0;

	s = bpf_map_lookup_elem(&l4_scratch, &zero);
	if (!s || !claim->count)
		return 1;
	s->reply_key.dport = bpf_htons(claim->lo + offset % claim->count);
	if (!bpf_map_update_elem(&l4_ct, &s->reply_key, &s->reply, BPF_NOEXIST)) {
		claim->done = 1;
		return 1;
	}
	holder = bpf_map_lookup_elem(&l4_ct, &s->reply_key);
	if (!holder || !is_over(holder, s->now_ns))
		return 0;
	/* The forward entry of the flow that is over goes with it. */
	struct l4_flow_key forward;
	flow_peer_key(holder, s->reply_key.protocol, &forward);
	__u32 backend = holder->backend, service = holder->service;
	__u8 state = holder->state;
	__u16 lip = holder->lip;
	if (!bpf_map_delete_elem(&l4_ct, &forward)) {
		count_state(backend, state, L4_NONE);
		count_service(service, -1);
		count_lip(lip, -1);
	}
	bpf_map_delete_elem(&l4_ct, &s->reply_key);
	if (bpf_map_update_elem(&l4_ct, &s->reply_key, &s->reply, BPF_NOEXIST))
		return 0;
	claim->done = 1;
	return 1;
}

/* Claims a port of a local address by inserting the reply entry: two flows of one backend can never
 * have the same reply tuple. Returns a drop reason, 0 when claimed. */
static __always_inline __u32 claim_port(struct l4_scratch *s, const struct l4_service *svc,
					const struct l4_config *cfg)
{
	__u32 ports = s->key.sport | (__u32)s->key.dport << 16;
	__u32 hash, index, round;
	struct claim claim = { .s = s, .lo = cfg->port_lo };
	struct l4_lip *lip;

	if (!svc->lip_count || cfg->port_hi < cfg->port_lo)
		return L4_DROP_NO_PORT;
	claim.count = cfg->port_hi - cfg->port_lo + 1;
	/* Ports take part whatever the service hashes by: all flows of a client would begin at one port. */
	claim.first = hash_address(&s->key.src, s->family, svc->hash_seed ^ 0x5bd1e995, 1, ports) %
		      claim.count;
	hash = hash_address(&s->key.src, s->family, svc->hash_seed, 1, ports);
#pragma unroll
	for (round = 0; round < 2; round++) {
		index = svc->lip_first + (hash + round) % svc->lip_count;
		lip = bpf_map_lookup_elem(&l4_lip, &index);
		if (!lip)
			return L4_DROP_NO_PORT;
		s->reply_key.dst = lip->address;
		s->reply.lip = index;
		bpf_loop(CLAIM_TRIES, try_port, &claim, 0);
		if (claim.done) {
			__sync_fetch_and_add(&lip->conns, 1);
			return 0;
		}
		if (svc->lip_count < 2)
			break;
	}
	count_miss(svc->lip_first + hash % svc->lip_count);
	return L4_DROP_NO_PORT;
}

/* Fills s->flow and, for NATed modes, s->reply and s->reply_key, from the packet and the backend. */
static __always_inline void draft_flow(struct l4_scratch *s, const struct l4_backend *backend,
				       __u32 service_id, __u32 slot, __u8 state)
{
	struct l4_flow *flow = &s->flow, *reply = &s->reply;

	__builtin_memset(flow, 0, sizeof(*flow));
	flow->last_ns = s->now_ns;
	flow->created_ns = s->now_ns;
	flow->service = service_id;
	flow->backend = slot;
	flow->state = state;
	flow->mode = backend->mode;
	flow->seen = s->key.protocol == IPPROTO_TCP ? seen_bits(s->tcp_flags, L4_DIR_IN) : 0;
	flow->backend_generation = backend->generation;
	flow->ifindex = s->ifindex;
	__builtin_memcpy(flow->mac, s->frame_src, sizeof(flow->mac));
	__builtin_memcpy(flow->our_mac, s->frame_dst, sizeof(flow->our_mac));
	if (is_one_way(backend->mode))
		return;
	*reply = *flow;
	reply->dir = L4_DIR_OUT;
	reply->new_src = s->key.dst;
	reply->new_sport = s->key.dport;
	reply->new_dst = s->key.src;
	reply->new_dport = s->key.sport;
	__builtin_memset(&s->reply_key, 0, sizeof(s->reply_key));
	s->reply_key.src = backend->address;
	s->reply_key.sport = backend->port ? backend->port : s->key.dport;
	s->reply_key.dst = s->key.src;
	s->reply_key.dport = s->key.sport;
	s->reply_key.protocol = s->key.protocol;
}

/* Inserts the flow that draft_flow drafted. Returns a drop reason, 0 when it is there. */
static __always_inline __u32 insert_flow(struct l4_scratch *s, const struct l4_service *svc,
					 const struct l4_config *cfg)
{
	struct l4_flow *flow = &s->flow;
	__u32 reason;

	if (flow->mode == L4_MODE_FNAT) {
		reason = claim_port(s, svc, cfg);
		if (reason)
			return reason;
		flow->lip = s->reply.lip;
	} else if (flow->mode == L4_MODE_NAT) {
		if (bpf_map_update_elem(&l4_ct, &s->reply_key, &s->reply, BPF_NOEXIST))
			return L4_DROP_NO_PORT;
	}
	if (!is_one_way(flow->mode)) {
		flow->new_src = s->reply_key.dst;
		flow->new_sport = s->reply_key.dport;
		flow->new_dst = s->reply_key.src;
		flow->new_dport = s->reply_key.sport;
	}
	/* Another CPU may have been faster; then its entry counts and the caller looks it up again. */
	if (bpf_map_update_elem(&l4_ct, &s->key, flow, BPF_NOEXIST)) {
		if (!is_one_way(flow->mode))
			bpf_map_delete_elem(&l4_ct, &s->reply_key);
		if (flow->mode == L4_MODE_FNAT)
			count_lip(flow->lip, -1);
		return 0;
	}
	count_state(flow->backend, L4_NONE, flow->state);
	count_service(flow->service, 1);
	return 0;
}

#endif
