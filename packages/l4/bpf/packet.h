/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Headers of packets, and the arithmetic on their checksums. */
#ifndef BALANCER_L4_PACKET_H
#define BALANCER_L4_PACKET_H

#include "l4.h"

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
/* Whether a packet of a known flow needs more than its flow's mode: what a feature costs where it is off. The
 * benchmark of that (bench/features.bench.ts) compares with a build that has no features. */
#ifdef L4_WITHOUT_FEATURES
#define feature(x) (0 && (x))
#else
#define feature(x) unlikely(x)
#endif

/* Keeps the compiler from using what it knows of a number, so that a check after it stays for the verifier. */
#define barrier_var(x) asm volatile("" : "+r"(x))

#define AF_INET 2
#define AF_INET6 10

#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86dd

#define IPPROTO_HOPOPTS 0
#define IPPROTO_IPIP 4
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define IPPROTO_IPV6 41
#define IPPROTO_ROUTING 43
#define IPPROTO_GRE 47
#define IPPROTO_FRAGMENT 44
#define IPPROTO_DSTOPTS 60

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_PSH 0x08
#define TCP_ACK 0x10

#define IPPROTO_ICMP 1
#define IPPROTO_ICMPV6 58

#define ICMP_ECHO_REPLY 0
#define ICMP_ECHO 8
#define ICMPV6_ECHO 128
#define ICMPV6_ECHO_REPLY 129

/* More fragments, or an offset. */
#define IP_FRAGMENT_MASK 0x3fff
#define IP_OFFSET_MASK 0x1fff
/* The same of an IPv6 fragment header. */
#define IP6_OFFSET_MASK 0xfff8
#define IP6_MORE 1
#define IP_DF 0x4000

/* Below these every network has to carry packets; who claims less slows a flow down on purpose. */
#define MTU4_MIN 576
#define MTU6_MIN 1280

enum fragment_part {
	FRAGMENT_NONE, /* a whole packet */
	FRAGMENT_FIRST, /* the one with the ports */
	FRAGMENT_LATER,
};

/* What the parser found in a packet, and what became of it. Lives on the stack, whose cache lines are warm. */
struct packet {
	struct l4_flow_key key;
	__u16 l4_offset;
	__u16 total_bytes; /* IP header and content; frame padding excluded */
	__u8 l4_header_bytes;
	__u8 fragment; /* enum fragment_part */
	__u8 is_foreign; /* neither address is ours */
	__u8 is_echo_reply;
	__u8 family; /* 4 or 6 */
	__u8 tos;
	__u8 tcp_flags;
	__u8 ttl;
	__u32 ifindex; /* it came in by */
	__u32 reason; /* of the drop */
	__s32 verdict; /* of the hook, when the packet was sent */
	__u32 service; /* of a packet that opens a flow */
	__be32 fragment_id;
	union {
		struct {
			__u16 vlan; /* tag that it came with, */
			__u16 vlan_out; /* and that it leaves with; 0 = none */
		};
		__u32 tags; /* either of them */
	};
	__u64 now_ns;
	struct {
		__u32 bytes; /* of the IP packet that leaves */
		__s16 overhead; /* of which it does not have yet: headers of a tunnel, or of the other family */
		/* Direct routing: a gateway would deliver the packet to the wrong machine. */
		__u16 on_link;
		__u32 mtu; /* of the way, for packets that are too big for it */
	} route;
};

#define NO_SERVICE 0xffffffff

struct eth_header {
	__u8 dst[6];
	__u8 src[6];
	__be16 type;
} __packed;

struct macs {
	__u8 dst[6];
	__u8 src[6];
};

struct ip4_header {
	__u8 version_ihl;
	__u8 tos;
	__be16 total_length;
	__be16 id;
	__be16 fragment;
	__u8 ttl;
	__u8 protocol;
	__u16 checksum;
	__be32 src;
	__be32 dst;
};

struct ip6_header {
	__be32 version_class_label;
	__be16 payload_length;
	__u8 next;
	__u8 hop_limit;
	__be32 src[4];
	__be32 dst[4];
};

struct fragment_header {
	__u8 next;
	__u8 reserved;
	__be16 offset;
	__be32 id;
};

struct tcp_header {
	__be16 sport;
	__be16 dport;
	__be32 seq;
	__be32 ack;
	__u8 doff;
	__u8 flags;
	__be16 window;
	__u16 checksum;
	__be16 urgent;
};

struct udp_header {
	__be16 sport;
	__be16 dport;
	__be16 length;
	__u16 checksum;
};

struct icmp_header {
	__u8 type;
	__u8 code;
	__u16 checksum;
	__u32 rest; /* of errors: the MTU, where they have one */
};

/* "Echo" and "echo reply" (RFC 792, RFC 4443). */
struct echo_header {
	__u8 type;
	__u8 code;
	__u16 checksum;
	__be16 id;
	__be16 sequence;
};

/* Bytes behind the headers. */
static __always_inline __u32 content_bytes(const struct packet *p)
{
	return p->total_bytes + sizeof(struct eth_header) - p->l4_offset - p->l4_header_bytes;
}

/* Folds a sum of 32-bit words to 16 bits with carries added back (RFC 1071). */
static __always_inline __u16 csum_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + ((sum >> 16) & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* What replacing a word does to the sum, to be handed to csum_apply. Words of one call may be 16 or 32
 * bits wide, as long as they begin at an even offset. */
static __always_inline __u64 csum_replaced(__u32 from, __u32 to)
{
	return (__u64)(__u32)~from + to;
}

/* RFC 1624, equation 3: HC' = ~(~HC + ~m + m'). */
static __always_inline __u16 csum_apply(__u16 checksum, __u64 replaced)
{
	return ~csum_fold((__u64)(__u16)~checksum + replaced);
}

static __always_inline int is_v4_mapped(const struct addr16 *address)
{
	return !address->words[0] && !address->words[1] && address->words[2] == bpf_htonl(0xffff);
}

static __always_inline int same_address(const struct addr16 *a, const struct addr16 *b)
{
	return a->words[0] == b->words[0] && a->words[1] == b->words[1] &&
	       a->words[2] == b->words[2] && a->words[3] == b->words[3];
}

/* Bit of an address in l4_filter: Fibonacci hashing of the four words together. */
static __always_inline __u32 filter_bit(const struct addr16 *address)
{
	__u32 words = address->words[0] ^ address->words[1] ^ address->words[2] ^ address->words[3];

	return words * 0x9e3779b1 >> 16;
}

static __always_inline int is_icmp(__u8 protocol)
{
	return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;
}

static __always_inline int same_mac(const __u8 *a, const __u8 *b)
{
	return a[0] == b[0] && a[1] == b[1] && a[2] == b[2] && a[3] == b[3] && a[4] == b[4] &&
	       a[5] == b[5];
}

static __always_inline void set_v4(struct addr16 *address, __be32 v4)
{
	address->words[0] = 0;
	address->words[1] = 0;
	address->words[2] = bpf_htonl(0xffff);
	address->words[3] = v4;
}

#endif
