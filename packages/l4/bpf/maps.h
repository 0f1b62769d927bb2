/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The maps. Each is pinned by the control plane; sizes are defaults that a load may change. */
#ifndef BALANCER_L4_MAPS_H
#define BALANCER_L4_MAPS_H

#include "l4.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct l4_config);
} l4_cfg SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct l4_meta);
} l4_meta SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct l4_filter);
} l4_filter SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, L4_MAX_VIPS);
	__type(key, struct l4_vip_key);
	__type(value, __u32);
} l4_vip SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, L4_MAX_SERVICES);
	__type(key, __u32);
	__type(value, struct l4_service);
} l4_svc SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, L4_MAX_BACKENDS);
	__type(key, __u32);
	__type(value, struct l4_backend);
} l4_be SEC(".maps");

struct l4_slots {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_INNER_MAP);
	__type(key, __u32);
	__type(value, __u32);
};

/* By service: selection table, slot -> backend slot (0 = none). */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, L4_MAX_SERVICES);
	__type(key, __u32);
	__array(values, struct l4_slots);
} l4_sel SEC(".maps");

/* By service: all its backend slots, for the schedulers that compare loads. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, L4_MAX_SERVICES);
	__type(key, __u32);
	__array(values, struct l4_slots);
} l4_list SEC(".maps");

/* By service: cursor of rr and wrr. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, L4_MAX_SERVICES);
	__type(key, __u32);
	__type(value, __u32);
} l4_cur SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, L4_MAX_FLOWS);
	__type(key, struct l4_flow_key);
	__type(value, struct l4_flow);
} l4_ct SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, L4_MAX_TEMPLATES);
	__type(key, struct l4_template_key);
	__type(value, struct l4_template);
} l4_tpl SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, L4_MAX_BACKENDS);
	__type(key, __u32);
	__type(value, struct l4_counters);
} l4_cnt SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, L4_MAX_SERVICES);
	__type(key, __u32);
	__type(value, struct l4_service_counters);
} l4_scnt SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, L4_MAX_LIPS);
	__type(key, __u32);
	__type(value, struct l4_lip);
} l4_lip SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, L4_MAX_SERVICES);
	__type(key, __u32);
	__type(value, struct l4_stats);
} l4_stat_svc SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, L4_MAX_BACKENDS);
	__type(key, __u32);
	__type(value, struct l4_stats);
} l4_stat_be SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 128);
	__type(key, __u32);
	__type(value, struct l4_drops);
} l4_drop SEC(".maps");

/* By drop reason; 0 stands for next hops that are not resolved. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 128);
	__type(key, __u32);
	__type(value, struct l4_last_event);
} l4_last SEC(".maps");

/* Records are struct l4_event. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, L4_EVENT_BYTES);
} l4_events SEC(".maps");

/* Outer destinations that decap takes off. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, L4_MAX_DECAP);
	__type(key, struct addr16);
	__type(value, struct l4_tunnel_ports);
} l4_decap SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
	__uint(max_entries, L4_MAX_PORTS);
	__uint(key_size, 4);
	__uint(value_size, 4);
} l4_tx SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct l4_scratch);
} l4_scratch SEC(".maps");

/* Lists of clients, by service. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, L4_MAX_PREFIXES);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct l4_acl_key);
	__type(value, struct l4_acl);
} l4_acl SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, L4_MAX_SERVICES);
	__type(key, __u32);
	__type(value, struct l4_buckets);
} l4_bucket SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, L4_MAX_SOURCES);
	__type(key, struct l4_source_key);
	__type(value, struct l4_source);
} l4_src SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, L4_MAX_FRAGMENTED);
	__type(key, struct l4_frag_key);
	__type(value, struct l4_frag);
} l4_frag SEC(".maps");

/* The last flows that were opened, those of which the handshake is not complete among them: a ring. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, L4_MAX_HALF_OPEN);
	__type(key, __u32);
	__type(value, struct l4_half_open);
} l4_half SEC(".maps");

/* Flows that were noted in l4_half. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} l4_half_next SEC(".maps");

/* By slot & 1: the keys of this stretch of time and of the one before. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct l4_cookie_key);
} l4_cookie SEC(".maps");

/* What is too large for the stack; nothing in it lives longer than a packet. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, 4);
	__uint(value_size, L4_WORK_BYTES);
} l4_work SEC(".maps");

#endif
