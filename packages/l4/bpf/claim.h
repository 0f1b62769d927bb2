/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Creating the entries of a flow. The reply's entry goes first and with BPF_NOEXIST: it is the claim on a
 * local port, because two flows of one backend can never have the same reply tuple.
 */
#ifndef BALANCER_L4_CLAIM_H
#define BALANCER_L4_CLAIM_H

#include "flow.h"
#include "hash.h"

/* Ports tried at first, with a step that is a prime, so that tries of neighbouring flows do not follow each other. */
#define CLAIM_TRIES 32
#define CLAIM_STEP 7919
/* Ports tried after those of an address that has fewer flows than ports, where one is free for certain. As many
 * ports are all tried; of more, each flow has a step of its own, because with the same for all, ports that are
 * taken lie in a row and grow the row. To find none while one port in 128 is free has the odds of 1 to 10^14. */
#define CLAIM_SEARCH 4096
#define EEXIST 17

enum claim_result {
	CLAIM_TAKEN = 0, /* by a flow that lives */
	CLAIM_DONE = 1,
	CLAIM_FULL = 2, /* the table is */
};

/* Whether a flow that holds the place of a reply has to keep it. */
static __always_inline int is_held(struct l4_scratch *s, const struct l4_flow *holder,
				   const struct l4_config *cfg, __u64 now)
{
	/* Only replies are claimed: another flow's packets from its client have this tuple. */
	if (holder->dir != L4_DIR_OUT)
		return 1;
	flow_peer_key(holder, s->reply_key.protocol, &s->peer_key);
	if (holder->state == L4_CLOSE)
		return 0;
	/* Most replies have seen a packet themselves; only of the others the peer matters. */
	return !is_over(holder, NULL, cfg, now) ||
	       !is_over(holder, bpf_map_lookup_elem(&l4_ct, &s->peer_key), cfg, now);
}

/* The summary of a flow whose place is taken, at the end of l4_work: the search for a port is the deepest chain of
 * calls. */
static __always_inline struct flow_summary *holder_summary(void)
{
	__u32 zero = 0;
	void *work = bpf_map_lookup_elem(&l4_work, &zero);

	return work ? work + L4_WORK_BYTES - sizeof(struct flow_summary) : NULL;
}

/*
 * Inserts s->reply under s->reply_key, over a flow that is over if one has the place. An insertion that
 * finds its place taken costs more than a look-up that does: where that is likely, look first. Returns an
 * enum claim_result.
 */
__noinline int claim_reply(__u64 now, int look_first)
{
	struct l4_scratch *s = scratch();
	struct l4_config *cfg = config();
	struct flow_summary *summary = holder_summary();
	struct l4_flow *holder = NULL;
	long error;

	if (!s || !cfg || !summary)
		return CLAIM_TAKEN;
	if (look_first)
		holder = bpf_map_lookup_elem(&l4_ct, &s->reply_key);
	if (!holder) {
		error = bpf_map_update_elem(&l4_ct, &s->reply_key, &s->reply, BPF_NOEXIST);
		if (!error)
			return CLAIM_DONE;
		if (error != -EEXIST)
			return CLAIM_FULL;
		holder = bpf_map_lookup_elem(&l4_ct, &s->reply_key);
		if (!holder)
			return CLAIM_TAKEN;
	}
	if (is_held(s, holder, cfg, now))
		return CLAIM_TAKEN;
	summarise(holder, &s->reply_key, summary);
	if (bpf_map_delete_elem(&l4_ct, &s->reply_key))
		return CLAIM_TAKEN; /* another CPU does the same */
	if (!bpf_map_delete_elem(&l4_ct, &s->peer_key))
		count_removed(summary);
	error = bpf_map_update_elem(&l4_ct, &s->reply_key, &s->reply, BPF_NOEXIST);
	return error ? CLAIM_TAKEN : CLAIM_DONE;
}

/* Tries one port of the local address that s->reply_key.dst has. The search is in the map and not on the
 * stack, so that the verifier does not follow its numbers from try to try. */
static long try_port(__u32 index, void *context)
{
	struct l4_scratch *s = scratch();
	struct l4_claim *claim;
	__u32 offset;

	if (!s)
		return 1;
	claim = &s->claim;
	offset = claim->first + claim->attempt * claim->step;
	if (!claim->count)
		return 1;
	s->reply_key.dport = bpf_htons(claim->lo + offset % claim->count);
	claim->result = claim_reply(claim->now_ns, claim->attempt > 0);
	claim->attempt++;
	if (claim->result != CLAIM_TAKEN)
		return 1;
	claim->conflicts++;
	return 0;
}

/* Searches the ports of a local address. Returns an enum claim_result. */
static __noinline int claim_at(struct l4_scratch *s, struct l4_lip *lip)
{
	struct l4_claim *claim = &s->claim;

	s->reply_key.dst = lip->address;
	claim->attempt = 0;
	claim->conflicts = 0;
	/* A step that divides the count would come back to the same few ports. */
	claim->step = claim->count % CLAIM_STEP ? CLAIM_STEP : 1;
	/* Most claims succeed at once; only then pay for the loop. */
	if (!try_port(0, NULL))
		bpf_loop(CLAIM_TRIES - 1, try_port, NULL, 0);
	if (claim->result == CLAIM_TAKEN && lip->conns < claim->count) {
		claim->step = claim->own_step;
		bpf_loop(CLAIM_SEARCH, try_port, NULL, 0);
	}
	if (claim->conflicts)
		__sync_fetch_and_add(&lip->conflicts, claim->conflicts);
	if (claim->result == CLAIM_DONE)
		__sync_fetch_and_add(&lip->conns, 1);
	return claim->result;
}

/* Prepares a search for the ports of the service. Returns the hash that says which address comes first. */
static __noinline __u32 begin_claim(const struct packet *p, struct l4_scratch *s,
					 const struct l4_service *svc, const struct l4_config *cfg)
{
	/* Ports take part whatever the service hashes by: all flows of a client would begin at one port. */
	__u32 ports = p->key.sport | (__u32)p->key.dport << 16;
	__u32 lo = svc->port_lo ? svc->port_lo : cfg->port_lo;
	__u32 hi = svc->port_lo ? svc->port_hi : cfg->port_hi;
	__u32 hash;

	s->claim.now_ns = p->now_ns;
	s->claim.lo = lo;
	s->claim.count = hi < lo ? 1 : hi - lo + 1;
	hash = hash_address(&p->key.src, p->family, svc->hash_seed ^ 0x5bd1e995, 1, ports);
	s->claim.first = hash % s->claim.count;
	hash = hash_address(&p->key.src, p->family, svc->hash_seed, 1, ports);
	s->claim.own_step = s->claim.count > CLAIM_SEARCH ? hash % s->claim.count | 1 : 1;
	return hash;
}

/* The drop reason of a search; at the address where it began. */
static __always_inline __u32 claim_reason(int result, __u32 index)
{
	struct l4_lip *lip;

	if (result == CLAIM_DONE)
		return 0;
	if (result == CLAIM_FULL)
		return L4_DROP_CT_FULL;
	lip = bpf_map_lookup_elem(&l4_lip, &index);
	if (lip)
		__sync_fetch_and_add(&lip->misses, 1);
	return L4_DROP_NO_PORT;
}

/* Claims a port of a local address of the service. Returns a drop reason, 0 when claimed. */
static __noinline int claim_port(const struct packet *p, struct l4_scratch *s,
				 const struct l4_service *svc, const struct l4_config *cfg)
{
	__u32 hash, first, second;
	struct l4_lip *lip;
	int result;

	if (!svc->lip_count)
		return L4_DROP_NO_PORT;
	hash = begin_claim(p, s, svc, cfg);
	first = svc->lip_first + hash % svc->lip_count;
	lip = bpf_map_lookup_elem(&l4_lip, &first);
	if (!lip)
		return L4_DROP_NO_PORT;
	s->reply.lip = first;
	result = claim_at(s, lip);
	if (result == CLAIM_TAKEN && svc->lip_count > 1) {
		second = svc->lip_first + (hash + 1) % svc->lip_count;
		lip = bpf_map_lookup_elem(&l4_lip, &second);
		if (!lip)
			return L4_DROP_NO_PORT;
		s->reply.lip = second;
		result = claim_at(s, lip);
	}
	return claim_reason(result, first);
}

/* Fills s->flow and, for modes with two entries, s->reply and s->reply_key, from packet and backend. */
static __always_inline void draft_flow(ctx_t *ctx, const struct packet *p, struct l4_scratch *s,
				       const struct l4_backend *backend, __u32 slot, __u8 state)
{
	struct l4_flow *flow = &s->flow, *reply = &s->reply;
	struct eth_header *eth = ctx_data(ctx);

	__builtin_memset(flow, 0, sizeof(*flow));
	flow->last_ns = p->now_ns;
	flow->created_ns = p->now_ns;
	flow->service = p->service;
	flow->backend = slot;
	flow->state = state;
	flow->mode = backend->mode;
	flow->seen = p->key.protocol == IPPROTO_TCP ? seen_bits(p->tcp_flags, L4_DIR_IN) : 0;
	flow->backend_generation = backend->generation;
	flow->ifindex = p->ifindex;
	flow->client_vlan = p->vlan;
	flow->peer_zone = backend->flags & L4_BE_VLAN ? bpf_ntohs(backend->vlan_tci) : 0;
	if ((void *)(eth + 1) <= ctx_end(ctx)) {
		__builtin_memcpy(flow->mac, eth->src, sizeof(flow->mac));
		__builtin_memcpy(flow->our_mac, eth->dst, sizeof(flow->our_mac));
	}
	s->reply_key.src = backend->address;
	s->reply_key.sport = backend->port ? backend->port : p->key.dport;
	s->reply_key.dst = p->key.src;
	s->reply_key.dport = p->key.sport;
	s->reply_key.protocol = p->key.protocol;
	s->reply_key.zone = flow->peer_zone;
	s->reply_key.zero = 0;
	if (is_one_way(backend->mode))
		return;
	*reply = *flow;
	reply->dir = L4_DIR_OUT;
	reply->peer_zone = p->key.zone;
	reply->new_src = p->key.dst;
	reply->new_sport = p->key.dport;
	reply->new_dst = p->key.src;
	reply->new_dport = p->key.sport;
}

/* What packets of the flow become is the reverse of the reply's tuple. */
static __always_inline void complete_flow(struct l4_scratch *s)
{
	struct l4_flow *flow = &s->flow;

	flow->new_src = s->reply_key.dst;
	flow->new_sport = s->reply_key.dport;
	flow->new_dst = s->reply_key.src;
	flow->new_dport = s->reply_key.sport;
}

/* Inserts the flow that draft_flow drafted. Returns a drop reason, 0 when it is there; *is_new says
 * whether this packet made it, as another CPU may have been faster. */
static __always_inline __u32 insert_flow(const struct packet *p, struct l4_scratch *s,
					 const struct l4_service *svc, const struct l4_config *cfg,
					 int *is_new)
{
	struct l4_flow *flow = &s->flow;
	__u32 reason;
	int result;
	long error;

	if (flow->mode == L4_MODE_FNAT) {
		reason = claim_port(p, s, svc, cfg);
		if (reason)
			return reason;
		flow->lip = s->reply.lip;
	} else if (flow->mode == L4_MODE_NAT) {
		result = claim_reply(p->now_ns, 0);
		if (result != CLAIM_DONE)
			return result == CLAIM_FULL ? L4_DROP_CT_FULL : L4_DROP_NO_PORT;
	}
	complete_flow(s);
	error = bpf_map_update_elem(&l4_ct, &p->key, flow, BPF_NOEXIST);
	*is_new = !error;
	if (!error) {
		count_backend(flow->backend, L4_NONE, flow->state, p->now_ns);
		count_service(flow->service, L4_NONE, flow->state);
		return 0;
	}
	if (!is_one_way(flow->mode))
		bpf_map_delete_elem(&l4_ct, &s->reply_key);
	if (has_lip(flow->mode))
		count_lip(flow->lip, -1);
	return error == -EEXIST ? 0 : L4_DROP_CT_FULL;
}

#endif
