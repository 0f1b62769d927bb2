// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Work of the control plane that is done in the kernel. The control plane runs lb_gc by test run: it goes
 * once over all flows and templates, removes those that are over, and puts right the counters that flows
 * evicted from a full table have left too high. lb_close ends flows that are not to go on.
 */
#include "closing.h"
#include "template.h"

/* What the last pass counted, by backend slot, service and local address. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, L4_MAX_BACKENDS);
	__type(key, __u32);
	__type(value, struct l4_backend_count);
} l4_gc_be SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, L4_MAX_SERVICES);
	__type(key, __u32);
	__type(value, struct l4_service_count);
} l4_gc_svc SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, L4_MAX_LIPS);
	__type(key, __u32);
	__type(value, struct l4_lip_count);
} l4_gc_lip SEC(".maps");

/* In and out of a run. */
struct l4_gc {
	__u64 now_ns; /* 0 = the kernel's clock */
	__u32 entries; /* looked at */
	__u32 removed; /* flows */
	__u32 orphans; /* replies whose flow was evicted */
	__u32 templates; /* looked at */
	__u32 expired; /* templates */
	__u32 corrected; /* counters that were wrong */
};

static long begin_source(void *map, const struct l4_source_key *key, struct l4_source *source,
			 void *context)
{
	source->counted = 0;
	source->start_conns = source->conns;
	return 0;
}

/* The client's record, if the flow is counted in one. */
static __noinline struct l4_source *counted_source(const struct addr16 *client, __u32 service)
{
	struct l4_source_key key = { .client = *client, .service = service };

	return bpf_map_lookup_elem(&l4_src, &key);
}

static long begin_backend(void *map, const __u32 *slot, struct l4_counters *live, void *context)
{
	__u32 key = *slot;
	struct l4_backend_count *count = bpf_map_lookup_elem(&l4_gc_be, &key);

	if (!count)
		return 1;
	count->active = 0;
	count->inactive = 0;
	count->persist = 0;
	count->start_active = live->active;
	count->start_inactive = live->inactive;
	count->start_persist = live->persist;
	return 0;
}

static long begin_service(void *map, const __u32 *id, struct l4_service_counters *live, void *context)
{
	__u32 key = *id;
	struct l4_service_count *count = bpf_map_lookup_elem(&l4_gc_svc, &key);

	if (!count)
		return 1;
	count->conns = 0;
	count->half_open = 0;
	count->start_conns = live->conns;
	count->start_half_open = live->half_open;
	return 0;
}

static long begin_lip(void *map, const __u32 *index, struct l4_lip *live, void *context)
{
	__u32 key = *index;
	struct l4_lip_count *count = bpf_map_lookup_elem(&l4_gc_lip, &key);

	if (!count)
		return 1;
	count->conns = 0;
	count->start_conns = live->conns;
	return 0;
}

/* Counts a flow that stays. */
static __always_inline void count_flow(const struct l4_flow *flow, const struct l4_flow_key *key)
{
	__u32 backend = flow->backend, service = flow->service, lip = flow->lip;
	struct l4_backend_count *backend_count = bpf_map_lookup_elem(&l4_gc_be, &backend);
	struct l4_service_count *service_count = bpf_map_lookup_elem(&l4_gc_svc, &service);
	struct l4_lip_count *lip_count;
	struct l4_source *source;

	if (backend_count && flow->state == L4_ESTABLISHED)
		backend_count->active++;
	else if (backend_count)
		backend_count->inactive++;
	if (service_count) {
		service_count->conns++;
		service_count->half_open += is_half_open(flow->state);
	}
	if (flow->marks & L4_FLOW_PER_CLIENT) {
		source = counted_source(&key->src, service);
		if (source)
			source->counted++;
	}
	if (!has_lip(flow->mode))
		return;
	lip_count = bpf_map_lookup_elem(&l4_gc_lip, &lip);
	if (lip_count)
		lip_count->conns++;
}

/* A flow that this pass removes was in the counters when it began, and is out of them now. */
static __always_inline void forget_flow(const struct flow_summary *flow)
{
	__u32 backend = flow->backend, service = flow->service, lip = flow->lip;
	struct l4_backend_count *backend_count = bpf_map_lookup_elem(&l4_gc_be, &backend);
	struct l4_service_count *service_count = bpf_map_lookup_elem(&l4_gc_svc, &service);
	struct l4_lip_count *lip_count = bpf_map_lookup_elem(&l4_gc_lip, &lip);
	struct l4_source *source;

	if (backend_count && flow->state == L4_ESTABLISHED)
		backend_count->start_active--;
	else if (backend_count)
		backend_count->start_inactive--;
	if (service_count) {
		service_count->start_conns--;
		service_count->start_half_open -= is_half_open(flow->state);
	}
	if (flow->marks & L4_FLOW_PER_CLIENT) {
		source = counted_source(&flow->client, service);
		if (source)
			source->start_conns--;
	}
	if (lip_count && has_lip(flow->mode))
		lip_count->start_conns--;
}

static long collect(void *map, const struct l4_flow_key *key, struct l4_flow *flow, struct l4_gc *gc)
{
	struct l4_config *cfg = config();
	struct l4_flow_key peer_key;
	struct flow_summary summary;
	struct l4_flow *peer = NULL;
	int unanswered;
	__u8 dir = flow->dir;

	if (!cfg)
		return 1;
	gc->entries++;
	/* Most entries have seen a packet themselves; only of the others the peer matters. */
	if (!is_over(flow, NULL, cfg, gc->now_ns)) {
		if (dir == L4_DIR_IN)
			count_flow(flow, key);
		return 0;
	}
	if (has_peer(flow)) {
		flow_peer_key(flow, key->protocol, &peer_key);
		peer = bpf_map_lookup_elem(&l4_ct, &peer_key);
	}
	/* A reply's entry goes with its flow's, unless that was evicted. */
	if (dir == L4_DIR_OUT && peer)
		return 0;
	if (!is_over(flow, peer, cfg, gc->now_ns)) {
		if (dir == L4_DIR_IN)
			count_flow(flow, key);
		return 0;
	}
	summarise(flow, key, &summary);
	unanswered = is_unanswered(flow->state, flow->seen);
	if (bpf_map_delete_elem(&l4_ct, key))
		return 0;
	if (dir == L4_DIR_OUT) {
		gc->orphans++;
		return 0;
	}
	if (peer)
		bpf_map_delete_elem(&l4_ct, &peer_key);
	count_removed(&summary);
	if (unanswered)
		count_down(summary.backend);
	forget_flow(&summary);
	gc->removed++;
	return 0;
}

static long expire(void *map, const struct l4_template_key *key, struct l4_template *template,
		   struct l4_gc *gc)
{
	__u32 backend = template->backend;
	struct l4_backend_count *count = bpf_map_lookup_elem(&l4_gc_be, &backend);

	gc->templates++;
	if (template->expires_ns > gc->now_ns) {
		if (count)
			count->persist++;
		return 0;
	}
	if (bpf_map_delete_elem(&l4_tpl, key))
		return 0;
	count_template(backend, -1);
	if (count)
		count->start_persist--;
	gc->expired++;
	return 0;
}

/*
 * Adds to a counter what it is wrong by. Packets go on changing counters while the table is counted, so any
 * number between the counter's values before and after is right; only what lies outside is an error.
 */
static __always_inline void correct(__u32 *live, __u32 start, __u32 counted, struct l4_gc *gc)
{
	__s32 now = *live, begin = start, count = counted;
	__s32 low = now < begin ? now : begin, high = now < begin ? begin : now;
	__s32 error = 0;

	if (count < low)
		error = count - low;
	else if (count > high)
		error = count - high;
	if (!error)
		return;
	__sync_fetch_and_add(live, error);
	gc->corrected++;
}

static long correct_backend(void *map, const __u32 *slot, struct l4_counters *live, struct l4_gc *gc)
{
	__u32 key = *slot;
	struct l4_backend_count *count = bpf_map_lookup_elem(&l4_gc_be, &key);

	if (!count)
		return 1;
	correct(&live->active, count->start_active, count->active, gc);
	correct(&live->inactive, count->start_inactive, count->inactive, gc);
	correct(&live->persist, count->start_persist, count->persist, gc);
	return 0;
}

static long correct_service(void *map, const __u32 *id, struct l4_service_counters *live,
			    struct l4_gc *gc)
{
	__u32 key = *id;
	struct l4_service_count *count = bpf_map_lookup_elem(&l4_gc_svc, &key);

	if (!count)
		return 1;
	correct(&live->conns, count->start_conns, count->conns, gc);
	correct(&live->half_open, count->start_half_open, count->half_open, gc);
	return 0;
}

static long correct_lip(void *map, const __u32 *index, struct l4_lip *live, struct l4_gc *gc)
{
	__u32 key = *index;
	struct l4_lip_count *count = bpf_map_lookup_elem(&l4_gc_lip, &key);

	if (!count)
		return 1;
	correct(&live->conns, count->start_conns, count->conns, gc);
	return 0;
}

/* Puts a client's counter right, and forgets clients without flows whose bucket is full again. */
static long correct_source(void *map, const struct l4_source_key *key, struct l4_source *live,
			   struct l4_gc *gc)
{
	correct(&live->conns, live->start_conns, live->counted, gc);
	if (!live->conns && !live->start_conns && live->lasts_until < gc->now_ns * 16)
		bpf_map_delete_elem(&l4_src, key);
	return 0;
}

SEC("syscall")
int lb_gc(struct l4_gc *context)
{
	struct l4_gc gc = { .now_ns = context->now_ns };
	struct l4_config *cfg = config();
	int has_sources = cfg && cfg->flags & L4_CFG_SOURCES;

	if (!gc.now_ns)
		gc.now_ns = bpf_ktime_get_ns();
	bpf_for_each_map_elem(&l4_cnt, begin_backend, &gc, 0);
	bpf_for_each_map_elem(&l4_scnt, begin_service, &gc, 0);
	bpf_for_each_map_elem(&l4_lip, begin_lip, &gc, 0);
	if (has_sources)
		bpf_for_each_map_elem(&l4_src, begin_source, &gc, 0);
	bpf_for_each_map_elem(&l4_ct, collect, &gc, 0);
	bpf_for_each_map_elem(&l4_tpl, expire, &gc, 0);
	bpf_for_each_map_elem(&l4_cnt, correct_backend, &gc, 0);
	bpf_for_each_map_elem(&l4_scnt, correct_service, &gc, 0);
	bpf_for_each_map_elem(&l4_lip, correct_lip, &gc, 0);
	if (has_sources)
		bpf_for_each_map_elem(&l4_src, correct_source, &gc, 0);
	context->entries = gc.entries;
	context->removed = gc.removed;
	context->orphans = gc.orphans;
	context->templates = gc.templates;
	context->expired = gc.expired;
	context->corrected = gc.corrected;
	return 0;
}

SEC("syscall/close")
int lb_close(struct l4_closing *context)
{
	struct l4_closing closing;

	__builtin_memcpy(&closing, context, sizeof(closing));
	closing.closed = 0;
	close_flows(&closing);
	context->closed = closing.closed;
	return 0;
}

char program_license[] SEC("license") = "Dual MIT/GPL";
