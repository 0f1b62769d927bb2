// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* A program that the verifier must reject, to test what the error says: it reads past the packet. */
#include "include/bpf.h"

volatile __u64 sum;

SEC("xdp")
int unchecked(struct xdp_md *ctx)
{
	__u8 *data = (void *)(long)ctx->data;
	__u32 i;

	/* Enough instructions that the log has to be shortened. */
	for (i = 0; i < 64; i++)
		sum += i;
	return data[20];
}

char program_license[] SEC("license") = "Dual MIT/GPL";
