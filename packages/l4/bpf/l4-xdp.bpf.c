// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The data plane at the XDP hook. */
#include "balance.h"
#include "decap.h"

SEC("xdp")
int lb_ingress(struct xdp_md *ctx)
{
	return handle_packet(ctx);
}

SEC("xdp/decap")
int decap(struct xdp_md *ctx)
{
	return decapsulate(ctx);
}

char program_license[] SEC("license") = "Dual MIT/GPL";
