/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Choosing a backend. Table-driven schedulers read what the control plane wrote into l4_sel; those that
 * compare live counters go over the backends of the service in l4_list, which fo and ovf have by weight.
 */
#ifndef BALANCER_L4_SELECT_H
#define BALANCER_L4_SELECT_H

#include "hash.h"
#include "maps.h"

/* Slots tried when the one that was chosen has a backend that takes nothing. */
#define FALLBACK_TRIES 16
#define RING_TRIES 1024
#define HASH_TRIES 256
#define LIST_MAX 1024
/* Draws until one takes new flows, and steps that find a place in a table of at most 2^16 slots. */
#define DRAW_TRIES 16
#define SEARCH_STEPS 17

static __always_inline int is_eligible(const struct l4_backend *backend)
{
	__u8 flags = backend->flags &
		     (L4_BE_AVAILABLE | L4_BE_OVERLOADED | L4_BE_INHIBITED | L4_BE_RETIRED);

	return backend->weight && flags == L4_BE_AVAILABLE;
}

/* Whether a backend has as many flows as it may. Between its thresholds it stays what it was: who adds a
 * flow asks here first, and notes afterwards that the upper one is reached. */
__noinline int is_overloaded(__u32 slot, __u32 upper, __u32 lower)
{
	struct l4_counters *counters = bpf_map_lookup_elem(&l4_cnt, &slot);
	__u64 flows;

	if (!counters)
		return 0;
	flows = (__u64)counters->active + counters->inactive;
	if (flows >= upper)
		counters->overloaded = 1;
	else if (lower ? flows < lower : 4 * flows < 3 * (__u64)upper)
		counters->overloaded = 0;
	return counters->overloaded;
}

/* The backend of a slot if it takes new flows now, else NULL. */
static __always_inline struct l4_backend *eligible_backend(__u32 slot)
{
	struct l4_backend *backend;

	if (!slot)
		return NULL;
	backend = bpf_map_lookup_elem(&l4_be, &slot);
	if (!backend || !is_eligible(backend))
		return NULL;
	if (unlikely(backend->upper) && is_overloaded(slot, backend->upper, backend->lower))
		return NULL;
	return backend;
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

static __noinline __u32 select_from_table(const struct packet *p, const struct l4_service *svc,
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
	} else if (svc->scheduler == L4_SCHED_RANDOM) {
		walk.index = bpf_get_prandom_u32() % walk.length;
	} else if (svc->scheduler == L4_SCHED_CONHASH) {
		/* 65536 slots in the order of the ring; the next ones clockwise stand in. */
		walk.index = (hash >> 16) % walk.length;
		tries = RING_TRIES;
	} else {
		walk.index = hash % walk.length;
		if (!(svc->flags & L4_SVC_FALLBACK))
			tries = 1;
		else if (svc->scheduler == L4_SCHED_SH || svc->scheduler == L4_SCHED_DH)
			tries = HASH_TRIES;
		else if (walk.length > 1)
			walk.step = hash_flow(p, svc, svc->hash_seed ^ 0x9747b28c, svc->hash_mode) %
					    (walk.length - 1) + 1;
	}
	/* Most flows are done with the first try; only then pay for the loop. */
	if (!try_slot(0, &walk) && tries > 1)
		bpf_loop(tries - 1, try_slot, &walk, 0);
	return walk.slot;
}

/* Load over weight of a backend; no backend is slot 0. */
struct share {
	__u32 slot;
	__u32 active;
	__u64 load;
	__u64 weight;
};

/* Reads the share of a backend by what the scheduler calls load. Returns whether it takes new flows. */
static __always_inline int read_share(__u32 slot, __u8 scheduler, struct share *share)
{
	struct l4_backend *backend = eligible_backend(slot);
	struct l4_counters *counters = bpf_map_lookup_elem(&l4_cnt, &slot);

	if (!backend || !counters)
		return 0;
	share->slot = slot;
	share->active = counters->active;
	share->weight = scheduler == L4_SCHED_LC ? 1 : backend->weight;
	if (scheduler == L4_SCHED_SED || scheduler == L4_SCHED_NQ)
		share->load = (__u64)share->active + 1;
	else
		share->load = 256 * (__u64)share->active + counters->inactive;
	return 1;
}

/* load / weight is smaller, without dividing. */
static __always_inline int is_less(const struct share *a, const struct share *b)
{
	return a->load * b->weight < b->load * a->weight;
}

struct comparison {
	void *list;
	__u32 length;
	__u32 scheduler;
	struct share best;
};

static long compare_share(__u32 index, struct comparison *c)
{
	__u32 *slot, key = index;
	struct share share;

	if (index >= c->length)
		return 1;
	slot = bpf_map_lookup_elem(c->list, &key);
	if (!slot)
		return 1;
	if (!read_share(*slot, c->scheduler, &share))
		return 0;
	if (c->scheduler == L4_SCHED_OVF && share.active >= share.weight)
		return 0;
	/* The first wins ties. */
	if (!c->best.slot || is_less(&share, &c->best))
		c->best = share;
	if (c->scheduler == L4_SCHED_FO || c->scheduler == L4_SCHED_OVF)
		return 1;
	if (c->scheduler == L4_SCHED_NQ && !share.active) {
		c->best = share;
		return 1;
	}
	return 0;
}

static __noinline __u32 select_compared(const struct l4_service *svc, __u32 service_id)
{
	struct comparison c = { .length = svc->list_len, .scheduler = svc->scheduler };

	c.list = bpf_map_lookup_elem(&l4_list, &service_id);
	if (!c.list)
		return 0;
	bpf_loop(LIST_MAX, compare_share, &c, 0);
	return c.best.slot;
}

/* A place in a table that is sorted by slot. */
struct search {
	void *table;
	__u32 wanted;
	__u32 low;
	__u32 high;
};

static long halve(__u32 step, struct search *s)
{
	__u32 middle, *slot;

	if (s->low >= s->high)
		return 1;
	middle = (s->low + s->high) / 2;
	slot = bpf_map_lookup_elem(s->table, &middle);
	if (!slot)
		return 1;
	if (*slot < s->wanted)
		s->low = middle + 1;
	else
		s->high = middle;
	return 0;
}

/* Index of the first entry that is not below a slot. */
static __noinline __u32 lower_bound(void *table, __u32 length, __u32 wanted)
{
	struct search search = { .table = table, .wanted = wanted, .high = length };

	bpf_loop(SEARCH_STEPS, halve, &search, 0);
	return search.low;
}

struct draw {
	void *table;
	__u32 length;
	/* Entries that cannot be drawn. */
	__u32 left_out;
	__u32 left_out_count;
	struct share share;
};

static long draw_share(__u32 attempt, struct draw *draw)
{
	__u32 count = draw->length - draw->left_out_count, index, *slot;

	if (!count)
		return 1;
	index = bpf_get_prandom_u32() % count;
	if (index >= draw->left_out)
		index += draw->left_out_count;
	slot = bpf_map_lookup_elem(draw->table, &index);
	return !slot || read_share(*slot, L4_SCHED_TWOS, &draw->share);
}

/* Power of two choices: two different backends by weight, of which the one with less load per weight. The
 * table has each backend as often as its weight says, sorted by slot, so that the first is left out of the
 * second draw by its run of entries. */
static __noinline __u32 select_of_two(const struct l4_service *svc, __u32 service_id)
{
	struct draw draw = { .length = svc->sel_len };
	struct share first;

	draw.table = bpf_map_lookup_elem(&l4_sel, &service_id);
	if (!draw.table)
		return 0;
	bpf_loop(DRAW_TRIES, draw_share, &draw, 0);
	first = draw.share;
	if (!first.slot)
		return 0;
	draw.left_out = lower_bound(draw.table, draw.length, first.slot);
	draw.left_out_count = lower_bound(draw.table, draw.length, first.slot + 1) - draw.left_out;
	draw.share.slot = 0;
	bpf_loop(DRAW_TRIES, draw_share, &draw, 0);
	return draw.share.slot && is_less(&draw.share, &first) ? draw.share.slot : first.slot;
}

/* Slot of the backend for a new flow, or 0. */
static __always_inline __u32 select_backend(const struct packet *p, const struct l4_service *svc,
					    __u32 service_id, __u32 hash)
{
	switch (svc->scheduler) {
	case L4_SCHED_LC:
	case L4_SCHED_WLC:
	case L4_SCHED_SED:
	case L4_SCHED_NQ:
	case L4_SCHED_FO:
	case L4_SCHED_OVF:
		return select_compared(svc, service_id);
	case L4_SCHED_TWOS:
		return select_of_two(svc, service_id);
	default:
		return select_from_table(p, svc, service_id, hash);
	}
}

#endif
