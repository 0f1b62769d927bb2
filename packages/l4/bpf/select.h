/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Choosing a backend. Table-driven schedulers read what the control plane wrote into l4_sel; lc and wlc
 * compare live counters of all backends of the service.
 */
#ifndef BALANCER_L4_SELECT_H
#define BALANCER_L4_SELECT_H

#include "hash.h"
#include "maps.h"

/* Slots tried when the one that was chosen has a backend that takes nothing. */
#define FALLBACK_TRIES 16
#define RING_TRIES 1024
#define LIST_MAX 1024

static __always_inline int is_eligible(const struct l4_backend *backend)
{
	__u8 flags = backend->flags &
		     (L4_BE_AVAILABLE | L4_BE_OVERLOADED | L4_BE_INHIBITED | L4_BE_RETIRED);

	return backend->weight && flags == L4_BE_AVAILABLE;
}

/* The backend of a slot if it takes new flows now, else NULL. */
static __always_inline struct l4_backend *eligible_backend(__u32 slot)
{
	struct l4_backend *backend;

	if (!slot)
		return NULL;
	backend = bpf_map_lookup_elem(&l4_be, &slot);
	return backend && is_eligible(backend) ? backend : NULL;
}

struct walk {
	void *table;
	__u32 index;
	__u32 step;
	__u32 length;
	__u32 slot; /* found */
};

/* One try of a walk through a selection table. */
static long try_slot(__u32 attempt, struct walk *walk)
{
	__u32 index = walk->index, *slot = bpf_map_lookup_elem(walk->table, &index);

	if (slot && eligible_backend(*slot)) {
		walk->slot = *slot;
		return 1;
	}
	/* index and step are below length, so one subtraction is the modulo. */
	index += walk->step;
	walk->index = index >= walk->length ? index - walk->length : index;
	return 0;
}

static __always_inline __u32 select_from_table(const struct packet *p, const struct l4_service *svc,
					       __u32 service_id, __u32 hash)
{
	struct walk walk = { .length = svc->sel_len, .step = 1 };
	__u32 tries = FALLBACK_TRIES, *cursor;

	walk.table = bpf_map_lookup_elem(&l4_sel, &service_id);
	if (!walk.table || !walk.length)
		return 0;
	if (svc->scheduler == L4_SCHED_RR || svc->scheduler == L4_SCHED_WRR) {
		cursor = bpf_map_lookup_elem(&l4_cur, &service_id);
		if (!cursor)
			return 0;
		walk.index = __sync_fetch_and_add(cursor, 1) % walk.length;
	} else if (svc->scheduler == L4_SCHED_CONHASH) {
		/* 65536 slots in the order of the ring; the next ones clockwise stand in. */
		walk.index = (hash >> 16) % walk.length;
		tries = RING_TRIES;
	} else {
		walk.index = hash % walk.length;
		if (!(svc->flags & L4_SVC_FALLBACK))
			tries = 1;
		else if (walk.length > 1)
			walk.step = hash_flow(p, svc, svc->hash_seed ^ 0x9747b28c, svc->hash_mode) %
					    (walk.length - 1) + 1;
	}
	/* Most flows are done with the first try; only then pay for the loop. */
	if (!try_slot(0, &walk) && tries > 1)
		bpf_loop(tries - 1, try_slot, &walk, 0);
	return walk.slot;
}

struct comparison {
	void *list;
	__u32 length;
	__u32 best;
	__u64 best_load;
	__u64 best_weight;
	__u32 weighted;
};

static long compare_load(__u32 index, struct comparison *c)
{
	__u32 *slot, key = index;
	struct l4_counters *counters;
	struct l4_backend *backend;
	__u64 load, weight;

	if (index >= c->length)
		return 1;
	slot = bpf_map_lookup_elem(c->list, &key);
	if (!slot)
		return 1;
	backend = eligible_backend(*slot);
	key = *slot;
	counters = bpf_map_lookup_elem(&l4_cnt, &key);
	if (!backend || !counters)
		return 0;
	load = 256 * (__u64)counters->active + counters->inactive;
	weight = c->weighted ? backend->weight : 1;
	/* load / weight < best_load / best_weight without dividing; the first wins ties. */
	if (!c->best || load * c->best_weight < c->best_load * weight) {
		c->best = *slot;
		c->best_load = load;
		c->best_weight = weight;
	}
	return 0;
}

static __always_inline __u32 select_least(const struct l4_service *svc, __u32 service_id)
{
	struct comparison c = { .length = svc->list_len,
				.weighted = svc->scheduler == L4_SCHED_WLC };

	c.list = bpf_map_lookup_elem(&l4_list, &service_id);
	if (!c.list)
		return 0;
	bpf_loop(LIST_MAX, compare_load, &c, 0);
	return c.best;
}

/* Slot of the backend for a new flow, or 0. */
static __always_inline __u32 select_backend(const struct packet *p, const struct l4_service *svc,
					    __u32 service_id, __u32 hash)
{
	if (svc->scheduler == L4_SCHED_LC || svc->scheduler == L4_SCHED_WLC)
		return select_least(svc, service_id);
	return select_from_table(p, svc, service_id, hash);
}

#endif
