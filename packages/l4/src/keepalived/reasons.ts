/**
 * Why a statement of keepalived.conf is not carried over, and what to do instead.
 *
 * @module
 */

const VRRP = 'stays with keepalived; docs/high-availability.md has its part beside Balancer';
const SCRIPTS = 'no scripts are run; GET /l4/events tells of changes as they happen';
const MAIL = 'no mail is sent; alert on the metrics';
const CLUSTER = 'flows are not copied between hosts';

const REASONS: Readonly<Record<string, string>> = {
  vrrp_instance: VRRP,
  vrrp_sync_group: VRRP,
  vrrp_script: VRRP,
  vrrp_track_process: VRRP,
  track_file: VRRP,
  static_ipaddress: VRRP,
  static_routes: VRRP,
  static_rules: VRRP,
  bfd_instance: VRRP,
  global_defs: VRRP,
  net_namespace: VRRP,
  notify_up: SCRIPTS,
  notify_down: SCRIPTS,
  quorum_up: SCRIPTS,
  quorum_down: SCRIPTS,
  omega: SCRIPTS,
  smtp_alert: MAIL,
  snmp_name: 'servers have names of their own; the metrics have them',
  lvs_sync_daemon: CLUSTER,
  ops: 'single packets as flows have no key in the file; "balancer ipvsadm -A ... --ops" makes such a service',
  persistence_engine: 'persistence goes by the client address alone',
  ha_suspend: 'checks go on whether this host has the address or not',
  lvs_method: 'all servers of a service are reached in one way',
  sorry_server_lvs_method: 'the sorry server is reached as the other servers are',
  digest: 'the content is not compared',
  regex: 'only the status is looked at; type = "send_expect" compares an answer',
  regex_no_match: 'only the status is looked at',
  misc_dynamic: 'weights do not follow a program; PUT /l4/services/... sets them',
  user: 'a check runs as the user that Balancer runs as',
  connect_ip: 'a check asks the server itself',
  bind_if: 'a check takes the route of the host',
  bind_port: 'a check takes any port',
  fwmark: 'packets are told apart by address and port, not by marks',
  BFD_CHECK: 'there is no check by BFD',
  FILE_CHECK: 'there is no check by a file; type = "exec" may read one',
  SSL: 'checks by TLS take any certificate; [backends.<name>.tls] is for relaying',
  bps: 'there is no limit of bandwidth in the file of LVS that carries over',
  vip_bind_dev: 'addresses of services are put on lo',
  log_all_failures: 'every change of state is logged with its reason',
};

/** For a keyword; there is one for every keyword. */
export function reasonFor(keyword: string): string {
  return REASONS[keyword] ?? 'has no counterpart';
}
