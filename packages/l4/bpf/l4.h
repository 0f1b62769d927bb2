/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Everything the data plane and the control plane share: keys and values of maps, numbers of states,
 * modes, schedulers, drop reasons. Sizes and offsets are part of the interface (maps outlive a process);
 * counters and reasons are appended, never renumbered. The layout test compares every offset.
 */
#ifndef BALANCER_L4_H
#define BALANCER_L4_H

#include "bpf.h"

/* An address; IPv4 as ::ffff:a.b.c.d. Not aligned to 8, so that keys have no holes. */
struct addr16 {
	union {
		__u8 bytes[16];
		__be32 words[4];
	};
};

enum {
	L4_MAX_VIPS = 8192,
	L4_MAX_SERVICES = 4096,
	L4_MAX_BACKENDS = 16384,
	L4_MAX_FLOWS = 1048576,
	L4_MAX_LIPS = 4096,
	L4_MAX_PORTS = 64,
	L4_MAX_TEMPLATES = 262144,
	L4_MAX_DECAP = 256,
	L4_MAX_PREFIXES = 262144,
	L4_MAX_SOURCES = 262144,
	L4_MAX_FRAGMENTED = 16384,
	L4_MAX_HALF_OPEN = 65536,
	L4_EVENT_BYTES = 4194304,
	L4_FILTER_BITS = 65536,
	L4_WORK_BYTES = 2048,
	L4_MAX_MATCHES = 256,
};

/* l4_meta: whose maps these are. A schema is a set of layouts; it rises when one of them changes. */
enum {
	L4_MAGIC = 0x4c344c42,
	L4_SCHEMA = 1,
};

/* Values of l4_vip that are not service ids: addresses of ours without a service on that port. */
enum {
	L4_OWNED_PASS = 0xffffffff, /* VIP: other ports go to the kernel */
	L4_OWNED_DROP = 0xfffffffe, /* VIP: other ports are dropped */
	L4_OWNED_LIP = 0xfffffffd,  /* local address towards backends */
};

enum l4_mode {
	L4_MODE_DR = 1,
	L4_MODE_TUNNEL = 2,
	L4_MODE_NAT = 3,
	L4_MODE_FNAT = 4,
	L4_MODE_SNAT = 5, /* for hosts behind us: the backend is the address that they get outside */
	L4_MODE_DR_IP = 6,
};

/* How packets are wrapped for backends of mode tunnel. */
enum l4_tunnel {
	L4_TUNNEL_IPIP = 0,
	L4_TUNNEL_GUE = 1, /* variant 0, with a header of its own */
	L4_TUNNEL_GRE = 2,
	L4_TUNNEL_VXLAN = 3,
	L4_TUNNEL_GUE1 = 4, /* variant 1: IP in UDP */
};

enum l4_scheduler {
	L4_SCHED_RR = 1,
	L4_SCHED_WRR = 2,
	L4_SCHED_LC = 3,
	L4_SCHED_WLC = 4,
	L4_SCHED_MH = 5,
	L4_SCHED_CONHASH = 6,
	L4_SCHED_SED = 7,
	L4_SCHED_NQ = 8,
	L4_SCHED_FO = 9,
	L4_SCHED_OVF = 10,
	L4_SCHED_SH = 11,
	L4_SCHED_DH = 12,
	L4_SCHED_TWOS = 13,
	L4_SCHED_RANDOM = 14,
};

enum l4_hash_mode {
	L4_HASH_IP = 0,
	L4_HASH_IP_PORT = 1,
	L4_HASH_DST_IP = 2,
	L4_HASH_NETWORK = 4, /* the source address, of IPv6 its /64 */
};

/* TCP states by LVS's numbers; UDP has two of its own. Index into l4_config.timeouts. */
enum l4_state {
	L4_NONE = 0,
	L4_ESTABLISHED = 1,
	L4_SYN_RECV = 3,
	L4_FIN_WAIT = 4,
	L4_TIME_WAIT = 5,
	L4_CLOSE = 6,
	L4_CLOSE_WAIT = 7,
	L4_LAST_ACK = 8,
	L4_SP_WAIT = 11,
	L4_UDP_ONEWAY = 12,
	L4_UDP = 13,
	L4_ICMP = 14,
};

/* Bits of l4_flow.seen. */
enum {
	L4_SEEN_SYN = 1,
	L4_SEEN_SYN_ACK = 2,
	L4_SEEN_FIN_CLIENT = 4,
	L4_SEEN_FIN_SERVER = 8,
	L4_SEEN_RST = 16,
	L4_SEEN_RESET_NEXT = 64, /* the flow is to end: its next segment is answered with RST */
};

enum {
	L4_DIR_IN = 0,
	L4_DIR_OUT = 1,
};

/* Bits of l4_service.flags. */
enum {
	L4_SVC_ENABLED = 1 << 0,
	L4_SVC_PERSISTENT = 1 << 1,
	L4_SVC_ONE_PACKET = 1 << 2, /* UDP in one-way modes: no entry, every datagram is scheduled */
	L4_SVC_DENY = 1 << 3, /* has a list of clients that may not */
	L4_SVC_ALLOW = 1 << 4, /* has one of those that may */
	L4_SVC_EXPIRE_QUIESCENT = 1 << 7,
	L4_SVC_FALLBACK = 1 << 8,
	L4_SVC_ANY_PORT = 1 << 10,
	L4_SVC_RESET = 1 << 11, /* no backend: answer with RST or port unreachable */
	L4_SVC_ADOPT = 1 << 12,
	L4_SVC_TOA = 1 << 5, /* backends are told the client's address by a TCP option */
	L4_SVC_PROXY = 1 << 17, /* or by a header of the PROXY protocol */
	L4_SVC_NAT64 = 1 << 14, /* full NAT from IPv6 clients to IPv4 backends */
	L4_SVC_LIMITED = 1 << 15, /* new flows have a rate, or clients a limit */
	L4_SVC_SNAT = 1 << 20, /* found by a rule, not by an address */
};

enum l4_list_kind {
	L4_ACL_DENY = 0,
	L4_ACL_ALLOW = 1,
};

enum l4_synproxy {
	L4_SYNPROXY_OFF = 0,
	L4_SYNPROXY_CLIENT_FIRST = 1, /* clients wait for the backend to open its window */
	L4_SYNPROXY_SERVER_FIRST = 2, /* the backend speaks first */
};

/* Bits of l4_flow.flags. */
enum {
	L4_FLOW_SPECIAL = 1 << 0, /* its packets need more than rewriting, or the flow is to end */
	L4_FLOW_SYNPROXY = 1 << 1, /* opened by an ACK: the client got its SYN-ACK from us */
	L4_FLOW_SEQ_ADJUSTED = 1 << 2, /* seq_delta, ack_delta and scales of the window are not all zero */
	L4_FLOW_TOA_DONE = 1 << 3, /* the backend has answered, so it knows the client's address */
	L4_FLOW_PP_SENT = 1 << 4, /* the PROXY header has been sent, and nothing says that it was lost */
	L4_FLOW_PP_ACKED = 1 << 5,
	L4_FLOW_NAT64 = 1 << 6, /* each direction is translated into the other family */
};

/* Bits of l4_flow.marks. */
enum {
	L4_FLOW_PER_CLIENT = 1 << 0, /* counted in l4_src */
};

/* Bits of l4_backend.flags. */
enum {
	L4_BE_AVAILABLE = 1 << 0,
	L4_BE_OVERLOADED = 1 << 1,
	L4_BE_STATIC_L2 = 1 << 2,
	L4_BE_TUNNEL_CHECKSUM = 1 << 3, /* outer UDP headers have a checksum */
	L4_BE_VLAN = 1 << 4, /* frames to it have a tag, and those from it */
	L4_BE_INHIBITED = 1 << 5,
	L4_BE_RETIRED = 1 << 6,
	L4_BE_METERED = 1 << 7, /* its service has a rate of packets or bytes */
};

/* Bits of l4_config.flags. */
enum {
	L4_CFG_FILTER = 1 << 0, /* l4_filter holds every address of ours: other packets pass at once */
	L4_CFG_SOURCES = 1 << 2, /* a service counts connections by client, or did */
	L4_CFG_TUNNEL_RSS = 1 << 1, /* outer sources of tunnels are made from the flow's hash */
	L4_CFG_MATCH = 1 << 8, /* l4_match has rules */
	L4_CFG_ECHO = 1 << 9, /* ICMP echoes may be of flows */
};

enum l4_reply_path {
	L4_REPLY_FIB = 0,
	L4_REPLY_SYMMETRIC = 1,
};

enum l4_drop_reason {
	L4_DROP_NONE = 0,
	L4_DROP_BAD_HEADER = 1,
	L4_DROP_TTL = 2,
	L4_DROP_NO_CONN = 3,
	L4_DROP_NO_BACKEND = 4,
	L4_DROP_NO_PORT = 5,
	L4_DROP_LIP_NO_CONN = 6,
	L4_DROP_UNKNOWN_PORT = 7,
	L4_DROP_FLOOD = 8,
	L4_DROP_CT_FULL = 9,
	L4_DROP_NO_ROUTE = 10,
	L4_DROP_FWD_DISABLED = 11,
	L4_DROP_NOT_ONLINK = 12,
	L4_DROP_TOO_BIG = 13,
	L4_DROP_FRAG_NEEDED = 14, /* answered with "packet too big" */
	L4_DROP_FRAG_MISS = 15,
	L4_DROP_ICMP_NO_CONN = 16,
	L4_DROP_ACL_DENY = 17,
	L4_DROP_ACL_NOT_ALLOWED = 18,
	L4_DROP_LIMIT = 19,
	L4_DROP_RATE = 20,
	L4_DROP_BAD_COOKIE = 21,
	L4_DROP_SP_WAIT = 22, /* of a client whose backend has not answered yet */
	L4_DROP_QUIESCENT = 23,
	L4_COUNT_TOA_FAIL = 24, /* forwarded without the option, for which there was no room */
	L4_DROP_PP_GSO = 25, /* the PROXY header does not go into this packet; its sender repeats it */
	L4_DROP_ENCAP_FAIL = 26,
	L4_DROP_HELPER_ERROR = 27,
	L4_DROP_XLAT_UNSUPPORTED = 28, /* has no translation into the other family */
	L4_DROP_VLAN = 29,
	L4_COUNT_ICMP_SMALL_MTU = 31, /* forwarded, and counted as something to look at */
	L4_COUNT_HALF_OPEN = 32, /* forwarded; too many handshakes are not complete, and the oldest was forgotten */
};

struct l4_config {
	__u32 timeouts[16]; /* s, by state */
	__u32 flags;
	__u32 hash_seed;
	__u32 new_flow_cap; /* per CPU and second; 0 = none */
	__u16 port_lo;
	__u16 port_hi;
	struct addr16 tunnel_source4;
	struct addr16 tunnel_source6;
	__u32 reply_path;
	__u32 ttl_dec;
	__u8 reserved[136];
};

struct l4_meta {
	__u32 magic;
	__u32 schema;
	__u64 config_generation;
	__u64 heartbeat_ns; /* CLOCK_MONOTONIC when the control plane last looked */
	__u32 node_id;
	__u32 zero;
};

/*
 * One bit per hash of an address: set for VIPs, local addresses, and the addresses of nat backends, whose
 * replies are addressed to clients. A packet with neither address in it cannot be ours.
 */
struct l4_filter {
	__u64 words[L4_FILTER_BITS / 64];
};

/*
 * The same for rules: one bit per first 16 bits of an IPv4 source that a rule may match, and one per hash of
 * the first 32 bits of an IPv6 source.
 */
struct l4_match_filter {
	__u64 words4[L4_FILTER_BITS / 64];
	__u64 words6[L4_FILTER_BITS / 64];
};

/* Which packets a service without an address takes. Ranges include both ends; ports are those of TCP and UDP. */
struct l4_match {
	struct addr16 src_first;
	struct addr16 src_last;
	struct addr16 dst_first;
	struct addr16 dst_last;
	__u16 sport_first;
	__u16 sport_last;
	__u16 dport_first;
	__u16 dport_last;
	__u32 iif; /* 0 = any, as below */
	__u32 oif;
	__u32 service;
	__u8 protocol;
	__u8 family;
	__u8 is_leaving; /* has flows and takes no new ones */
	__u8 zero;
	char iif_name[16]; /* for the control plane, which knows interfaces by name */
	char oif_name[16];
	__u64 reserved;
};

struct l4_vip_key {
	struct addr16 address;
	__be16 port; /* 0 = any */
	__u8 protocol; /* 0 = address of ours, whatever the port */
	__u8 zero;
};

struct l4_service {
	__u32 flags;
	__u8 scheduler;
	__u8 hash_mode;
	__u8 protocol;
	__u8 family;
	struct addr16 vip;
	__be16 vport;
	__u8 proxy_protocol;
	__u8 synproxy;
	__u32 sel_len;
	__u32 list_len;
	__u32 lip_first;
	__u32 lip_count;
	__u32 hash_seed;
	__u32 est_timeout_s;
	__u32 persist_s;
	__be32 persist_mask4;
	__u8 persist_plen6;
	__u8 unknown_action;
	__u16 vlan; /* whose packets it takes; 0 = of all */
	__u32 acl_list;
	__u32 bucket_pps;
	__u32 bucket_bps;
	__u32 bucket_cps;
	__u32 max_conns; /* flows at a time; 0 = no limit */
	__u32 src_max_conns;
	__u32 generation;
	__u16 port_lo; /* of full NAT; 0 = the configuration's range */
	__u16 port_hi;
	__u64 rate_bytes; /* per second, towards the backends; 0 = no limit, as below */
	__u32 rate_pps;
	__u32 rate_conns; /* new flows per second */
	__u32 src_rate; /* new flows of one client per second */
	__u32 burst_ms; /* of packets and bytes */
	__u32 burst_conns;
	__u8 reserved[4];
};

struct l4_backend {
	struct addr16 address;
	__be16 port; /* 0 = keep */
	__u8 mode;
	__u8 tunnel;
	__be16 tunnel_port;
	__u8 flags;
	__u8 family;
	__u32 weight;
	__u32 upper; /* flows at which it takes no more; 0 = no limit */
	__u32 lower; /* below which it takes some again; 0 = three quarters of upper */
	__u32 ifindex;
	__u8 dmac[6];
	__u8 smac[6];
	__be16 vlan_tci;
	__u16 mtu;
	__u32 vni;
	__u32 service;
	__u8 inner_dmac[6];
	__u16 zero;
	__u32 generation;
	__u32 lip; /* snat: index into l4_lip */
	__u8 reserved[48];
};

struct l4_flow_key {
	struct addr16 src;
	struct addr16 dst;
	__be16 sport;
	__be16 dport;
	__u8 protocol;
	__u8 zone;
	__u16 zero;
};

struct l4_flow {
	__u64 last_ns; /* the low 16 bits say in which tick it was looked at */
	__u32 service;
	__u32 backend;
	__u8 state;
	__u8 mode;
	__u8 dir;
	__u8 flags;
	__u8 seen;
	__u8 wscale_lb; /* units of windows: those that the receiver of this direction was told, */
	__u8 wscale_rs; /* and those that its sender counts in; both as powers of two */
	__u8 pp_len; /* bytes of the PROXY header */
	struct addr16 new_src;
	struct addr16 new_dst;
	__be16 new_sport;
	__be16 new_dport;
	__u32 seq_delta; /* added to the numbers of this direction's segments, */
	__u32 ack_delta; /* and to what they acknowledge */
	__u32 isn_c;
	__u32 isn_s;
	__u32 snd_max; /* end of what the client has sent, relative to its first byte */
	__u64 created_ns;
	__u64 packets;
	__u16 client_vlan; /* tag that the client's packets come with; 0 = none */
	__u8 peer_zone; /* of the key of the other direction */
	__u8 zero[5];
	__u8 mac[6]; /* where the client's packets come from */
	__u16 lip;
	__u32 ifindex;
	__u32 backend_generation;
	__u8 our_mac[6]; /* where they were sent to */
	__u16 marks;
};

/* A flow whose handshake is not complete, as it was noted when it began. */
struct l4_half_open {
	struct l4_flow_key key;
	__u64 created_ns;
};

/* The key of the cookies of a stretch of time. All nodes of a cluster have the same. */
struct l4_cookie_key {
	__u32 slot; /* since 1970, of 64 s; 0 = none */
	__u32 zero;
	__u64 k0;
	__u64 k1;
};

/* A network in a list of a service. */
struct l4_acl_key {
	__u32 prefix_bits; /* 32 of the list, and the length of the prefix; 96 more for IPv4 */
	__be32 list; /* twice the service id, plus an enum l4_list_kind */
	struct addr16 address;
};

struct l4_acl {
	__u64 hits;
};

/* Until when what was admitted lasts, in sixteenths of a nanosecond; written by packets alone. */
struct l4_buckets {
	__u64 conns;
	__u64 packets;
	__u64 bytes;
	__u64 zero;
};

/* A packet that came in fragments: the ports are in the first of them only. */
struct l4_frag_key {
	struct addr16 src;
	struct addr16 dst;
	__be32 id;
	__u8 protocol;
	__u8 zero[3];
};

struct l4_frag {
	__be16 sport;
	__be16 dport;
	__u32 seen_s;
};

struct l4_source_key {
	struct addr16 client;
	__u32 service;
	__u32 zero;
};

/* A client of a service that limits its clients. */
struct l4_source {
	__u32 conns;
	__u32 counted; /* by the pass of lb_gc that runs, beside what conns was when it began */
	__u32 start_conns;
	__u32 zero;
	__u64 lasts_until; /* of its bucket */
};

/* Persistence: where the clients of a network go for as long as they keep coming. */
struct l4_template_key {
	struct addr16 client; /* masked */
	struct addr16 vip;
	__be16 vport; /* 0 for services on any port */
	__u8 protocol;
	__u8 zero[5];
};

struct l4_template {
	__u32 backend;
	__u32 service;
	__u64 expires_ns;
};

struct l4_counters {
	__u32 active;
	__u32 inactive;
	__u32 persist;
	__u32 overloaded; /* has reached its upper threshold, and not fallen below the lower one since */
	__u32 up_events;
	__u32 down_events;
	__u64 last_new_ns;
};

/* An outer destination of decap: the ports on which UDP is a tunnel; 0 = none. */
struct l4_tunnel_ports {
	__be16 gue;
	__be16 vxlan;
};

struct l4_service_counters {
	__u32 conns;
	__u32 half_open;
	__u64 zero;
};

struct l4_lip {
	struct addr16 address;
	__u32 conns;
	__u32 conflicts;
	__u32 misses;
	__u32 zero;
};

struct l4_stats {
	__u64 conns;
	__u64 inpkts;
	__u64 outpkts;
	__u64 inbytes;
	__u64 outbytes;
};

struct l4_drops {
	__u64 packets;
	__u64 bytes;
};

enum l4_event_type {
	L4_EVENT_DROP = 1, /* packets are dropped for a reason that the operator can mend */
	L4_EVENT_NEIGHBOUR = 2, /* dst is a next hop on ifindex whose MAC is not known */
};

/* Record of l4_events. Each type and reason is reported at most once per second and CPU. */
struct l4_event {
	__u32 type;
	__u32 len;
	__u64 ns;
	__u32 reason;
	__u32 service; /* 0xffffffff = none */
	__u32 ifindex;
	__u32 suppressed; /* events of this kind since the one before, on this CPU */
	struct addr16 src;
	struct addr16 dst;
	__be16 sport;
	__be16 dport;
	__u8 protocol;
	__u8 family;
	__u16 cpu;
};

/* The event of a kind that was last reported on this CPU, and how many were not since. */
struct l4_last_event {
	__u64 suppressed;
	struct l4_event event;
};

/* What a pass of lb_gc counted, beside the counters when the pass began. A slot may be given to another
 * backend when a whole pass counted nothing. */
struct l4_backend_count {
	__u32 active;
	__u32 inactive;
	__u32 persist;
	__u32 zero;
	__u32 start_active;
	__u32 start_inactive;
	__u32 start_persist;
	__u32 zero2;
};

struct l4_service_count {
	__u32 conns;
	__u32 half_open;
	__u32 start_conns;
	__u32 start_half_open;
};

struct l4_lip_count {
	__u32 conns;
	__u32 start_conns;
};

/* Metadata in front of a frame whose next hop's MAC is unknown; lb_neigh sends it on. */
struct l4_neigh_meta {
	__u32 magic;
	__u32 ifindex;
	__u32 family;
	__u8 next_hop[16];
};

/* A search for a free local port. */
struct l4_claim {
	__u64 now_ns;
	__u32 first; /* port where it begins, relative to lo */
	__u32 count; /* ports of the range */
	__u32 lo;
	__u32 result;
	__u32 attempt;
	__u32 conflicts;
	__u32 step; /* from a port to the next one tried */
	__u32 own_step; /* that no other flow is likely to have */
};

/* State that lives from packet to packet on this CPU, and the entries of a flow under construction. */
struct l4_scratch {
	__u64 window_start_ns; /* of the new-flow limit */
	__u32 window_count;
	__u32 reject_count; /* of the limit on answers of our own */
	__u64 reject_start_ns;
	struct l4_flow flow;
	struct l4_flow reply;
	struct l4_flow_key reply_key;
	struct l4_claim claim;
	struct l4_flow_key peer_key;
	struct l4_template_key template_key;
	__u32 cookie; /* that a client sent back, and the number of its SYN */
	__u32 isn_c;
	__u8 reserved[64];
};

#endif
