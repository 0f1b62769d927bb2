/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Who may open a flow, and how much: lists of networks, connections of a client, rates. All of it is asked
 * for new flows only, except the rates of packets and bits, which the flag METERED of a backend announces.
 *
 * Rates are token buckets in the form of the generic cell rate algorithm (ITU-T I.371): what was admitted
 * so far lasts until a point in time, and that point must not lie further ahead than the burst. One
 * number of 8 bytes needs no lock.
 */
#ifndef BALANCER_L4_ADMIT_H
#define BALANCER_L4_ADMIT_H

#include "flow.h"
#include "lists.h"

/* Times of buckets are in sixteenths of a nanosecond: 64 bytes at 100 Gb/s are 82 of them. */
#define TICKS_PER_S (16 * NS_PER_S)
/* Tries to move a bucket's time while other CPUs do; then the packet goes. */
#define BUCKET_TRIES 4

/* Takes what lasts for cost from a bucket that holds what lasts for room. Returns whether there was enough. */
static __always_inline int take(__u64 *lasts_until, __u64 now_ns, __u64 cost, __u64 room)
{
	__u64 now = now_ns * 16, begin, seen;
	int i;

#pragma unroll
	for (i = 0; i < BUCKET_TRIES; i++) {
		seen = *(volatile __u64 *)lasts_until;
		begin = seen < now ? now : seen;
		if (begin + cost - now > room)
			return 0;
		if (__sync_val_compare_and_swap(lasts_until, seen, begin + cost) == seen)
			return 1;
	}
	return 1;
}

static __always_inline __u64 at_least(__u64 value, __u64 least)
{
	return value < least ? least : value;
}

/* Whether a packet is more than the service may have per second. A bucket holds at least the largest one. */
__noinline int over_rate(const struct packet *p, __u32 service, __u32 segments)
{
	struct l4_service *svc = bpf_map_lookup_elem(&l4_svc, &service);
	struct l4_buckets *buckets = bpf_map_lookup_elem(&l4_bucket, &service);
	__u64 now = now_ns(), room, cost;

	if (!p || !svc || !buckets)
		return 0;
	room = svc->burst_ms * (TICKS_PER_S / 1000);
	if (svc->rate_pps) {
		cost = segments * TICKS_PER_S / svc->rate_pps;
		if (!take(&buckets->packets, now, cost, at_least(room, cost)))
			return 1;
	}
	if (!svc->rate_bytes)
		return 0;
	cost = p->total_bytes * TICKS_PER_S / svc->rate_bytes;
	return !take(&buckets->bytes, now, cost, at_least(room, cost));
}

static __always_inline void source_key(const struct addr16 *client, __u32 service,
				       struct l4_source_key *key)
{
	key->client = *client;
	key->service = service;
	key->zero = 0;
}

/* The record of a client of a service; made when there is none. NULL when that is not possible. */
static __noinline struct l4_source *source_of(const struct packet *p, __u32 service)
{
	struct l4_source fresh = {};
	struct l4_source_key key;
	struct l4_source *found;

	source_key(&p->key.src, service, &key);
	found = bpf_map_lookup_elem(&l4_src, &key);
	if (found)
		return found;
	bpf_map_update_elem(&l4_src, &key, &fresh, BPF_NOEXIST);
	return bpf_map_lookup_elem(&l4_src, &key);
}

/* Whether the service or this client opens flows too fast, or the client has as many as it may. Returns a
 * drop reason, 0 when the flow may be opened. */
__noinline int check_limits(const struct packet *p, __u32 service)
{
	struct l4_service *svc = bpf_map_lookup_elem(&l4_svc, &service);
	struct l4_buckets *buckets = bpf_map_lookup_elem(&l4_bucket, &service);
	struct l4_source *source = NULL;

	if (!p || !svc || !buckets)
		return 0;
	if (svc->src_max_conns || svc->src_rate)
		source = source_of(p, service);
	if (source && svc->src_max_conns && source->conns >= svc->src_max_conns)
		return L4_DROP_LIMIT;
	if (source && svc->src_rate &&
	    !take(&source->lasts_until, p->now_ns, TICKS_PER_S / svc->src_rate, TICKS_PER_S))
		return L4_DROP_RATE;
	if (svc->rate_conns &&
	    !take(&buckets->conns, p->now_ns, TICKS_PER_S / svc->rate_conns,
		  svc->burst_conns * TICKS_PER_S / svc->rate_conns))
		return L4_DROP_RATE;
	return 0;
}

/* Counts a flow for its client before it exists. Returns whether that is one too many: another CPU's came
 * between the look at the counter and the count. */
__noinline int claim_source(const struct packet *p, __u32 service, __u32 max_conns)
{
	struct l4_source *source;

	if (!p)
		return 0;
	source = source_of(p, service);
	if (!source)
		return 0;
	if (__sync_fetch_and_add(&source->conns, 1) < max_conns)
		return 0;
	__sync_fetch_and_add(&source->conns, -1);
	return 1;
}

#endif
