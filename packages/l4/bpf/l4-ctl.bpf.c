// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Work of the control plane that is done in the kernel: collecting flows that are over. The control plane
 * runs lb_gc by test run; it goes once over the whole table.
 */
#include "flow.h"

/* In and out of a run. */
struct l4_gc {
	__u64 now_ns; /* 0 = the kernel's clock */
	__u32 entries; /* looked at */
	__u32 removed; /* flows */
	__u32 orphans; /* replies whose flow was evicted */
	__u32 zero;
};

/* What the last pass counted, by backend slot and by service. */
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

static long collect(void *map, const struct l4_flow_key *key, struct l4_flow *flow, struct l4_gc *gc)
{
	struct l4_config *cfg = config();
	struct l4_flow_key peer_key;
	__u32 backend = flow->backend, service = flow->service;
	__u64 last_ns = flow->last_ns;
	struct l4_flow *peer = NULL;
	__u8 state = flow->state, mode = flow->mode, dir = flow->dir;
	__u16 lip = flow->lip;

	if (!cfg)
		return 1;
	gc->entries++;
	if (has_peer(flow)) {
		flow_peer_key(flow, key->protocol, &peer_key);
		peer = bpf_map_lookup_elem(&l4_ct, &peer_key);
	}
	/* A reply's entry goes with its flow's, unless that was evicted. */
	if (dir == L4_DIR_OUT && peer)
		return 0;
	if (peer && peer->last_ns > last_ns)
		last_ns = peer->last_ns;
	if (gc->now_ns < last_ns || gc->now_ns - last_ns <= timeout_ns(flow, cfg))
		return 0;
	if (bpf_map_delete_elem(&l4_ct, key))
		return 0;
	if (dir == L4_DIR_OUT) {
		gc->orphans++;
		return 0;
	}
	if (peer)
		bpf_map_delete_elem(&l4_ct, &peer_key);
	count_state(backend, state, L4_NONE);
	count_service(service, -1);
	if (mode == L4_MODE_FNAT)
		count_lip(lip, -1);
	gc->removed++;
	return 0;
}

SEC("syscall")
int lb_gc(struct l4_gc *context)
{
	struct l4_gc gc = { .now_ns = context->now_ns };

	if (!gc.now_ns)
		gc.now_ns = bpf_ktime_get_ns();
	bpf_for_each_map_elem(&l4_ct, collect, &gc, 0);
	context->entries = gc.entries;
	context->removed = gc.removed;
	context->orphans = gc.orphans;
	return 0;
}

char program_license[] SEC("license") = "Dual MIT/GPL";
