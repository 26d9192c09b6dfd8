/*
 * This machine as it is: addresses, clock, disks, who may read what. Only looks.
 */
#include <fcntl.h>
#include <grp.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/interfaces.h"
#include "ctl/doctor_collect.h"
#include "ctl/programs.h"

enum { ADDRESSES = 64, FILES = 16, STRANGE_PORTS = 16,
	NTP_WAIT = 2000 /* ms */, NTP_SIZE = 48 };

/* ---- addresses ---- */

static void
find_own_addresses(struct doctor_facts *facts)
{
	struct ifaddrs *all, *at;
	facts->own = arena_new_array(facts->arena, ADDRESSES,
		sizeof(*facts->own));
	if (getifaddrs(&all) < 0)
		return;
	for (at = all; at != NULL && facts->own_count < ADDRESSES;
	    at = at->ifa_next) {
		int family = at->ifa_addr == NULL ? 0 : at->ifa_addr->sa_family;
		if ((family != AF_INET && family != AF_INET6) ||
		    (at->ifa_flags & IFF_UP) == 0)
			continue;
		struct network_address address = network_address_from(
			at->ifa_addr, family == AF_INET ?
			sizeof(struct sockaddr_in) :
			sizeof(struct sockaddr_in6));
		bool is_link_local = family == AF_INET6 &&
			address.bytes[0] == 0xfe &&
			(address.bytes[1] & 0xc0) == 0x80;
		if (!network_is_loopback(&address) && !is_link_local)
			facts->own[facts->own_count++] = address;
	}
	freeifaddrs(all);
}

/* The address that the kernel takes for a packet to far away; none is sent. */
static bool
source_of(const char *far, struct network_address *source)
{
	struct network_address there;
	struct sockaddr_storage address = { 0 };
	struct sockaddr_in *four = (struct sockaddr_in *)&address;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&address;
	socklen_t size = sizeof(address);
	if (!network_address_parse(span_from(far), &there))
		return false;
	address.ss_family = there.family;
	memcpy(there.family == AF_INET ? (void *)&four->sin_addr :
		(void *)&six->sin6_addr, there.bytes,
		there.family == AF_INET ? 4 : 16);
	four->sin_port = htons(53);	/* at the same place in both */
	int fd = socket(there.family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool ok = fd >= 0 && connect(fd, (struct sockaddr *)&address,
		there.family == AF_INET ? sizeof(*four) : sizeof(*six)) == 0 &&
		getsockname(fd, (struct sockaddr *)&address, &size) == 0;
	file_close(&fd);
	if (ok)
		*source = network_address_from((struct sockaddr *)&address,
			size);
	return ok && !network_is_loopback(source);
}

static void
add_sender(struct doctor_facts *facts, const char *parameter, const char *far,
	int family)
{
	const char *bound = config_text(facts->config, parameter);
	struct network_address address;
	if (!interfaces_has_family(facts->config, family))
		return;
	if (network_address_parse(span_from(bound), &address) ||
	    source_of(far, &address)) {
		facts->sender[facts->sender_count++] = address;
		return;
	}
	/* Without a way to everywhere: the first of the family. */
	for (size_t i = 0; i < facts->own_count; i++)
		if (facts->own[i].family == family) {
			facts->sender[facts->sender_count++] = facts->own[i];
			return;
		}
}

static void
find_senders(struct doctor_facts *facts)
{
	facts->sender = arena_new_array(facts->arena, 2,
		sizeof(*facts->sender));
	/* Addresses of root servers, as any that are far away. */
	add_sender(facts, "smtp_bind_address", "198.41.0.4", AF_INET);
	add_sender(facts, "smtp_bind_address6", "2001:503:ba3e::2:30",
		AF_INET6);
}

/* ---- disks ---- */

static void
look_at_disk(struct doctor_facts *facts, const char *parameter,
	const char *path)
{
	struct statvfs status;
	struct stat own, other;
	if (statvfs(path, &status) < 0 || stat(path, &own) < 0)
		return;
	for (size_t i = 0; i < facts->disk_count; i++)
		if (stat(facts->disk[i].path, &other) == 0 &&
		    own.st_dev == other.st_dev)
			return;
	facts->disk[facts->disk_count++] = (struct doctor_disk){
		.parameter = parameter, .path = path,
		.free = (uint64_t)status.f_bavail * status.f_frsize,
		.total = (uint64_t)status.f_blocks * status.f_frsize,
		.inodes_free = status.f_favail, .inodes = status.f_files };
}

static void
look_at_disks(struct doctor_facts *facts)
{
	static const char *const parameters[] = { "data_directory",
		"queue_directory", "runtime_directory" };
	facts->disk = arena_new_array(facts->arena, 4, sizeof(*facts->disk));
	for (size_t i = 0; i < 2; i++)
		look_at_disk(facts, parameters[i], config_text(facts->config,
			parameters[i]));
	if (config_has_item(facts->config, "accounts", "system"))
		look_at_disk(facts, "mail_location", "/var/mail");
}

/* ---- other servers ---- */

static bool
is_port_ours(const struct doctor_facts *facts, unsigned port)
{
	static const char *const parameters[] = { "smtp_port",
		"submission_port", "submissions_port", "imap_port",
		"imaps_port", "pop3_port", "pop3s_port", "lmtp_port" };
	unsigned offset = (unsigned)config_number(facts->config,
		"port_offset");
	for (size_t i = 0; i < sizeof(parameters) / sizeof(parameters[0]);
	    i++) {
		unsigned own = (unsigned)config_number(facts->config,
			parameters[i]);
		if (own != 0 && own + offset == port)
			return true;
	}
	return false;
}

static void
add_strange_port(struct doctor_facts *facts, unsigned port)
{
	static const unsigned mail_ports[] = { 25, 465, 587, 143, 993, 110,
		995 };
	bool is_mail = false;
	for (size_t i = 0; i < sizeof(mail_ports) / sizeof(mail_ports[0]); i++)
		is_mail |= mail_ports[i] == port;
	if (is_mail && !is_port_ours(facts, port) &&
	    facts->strange_port_count < STRANGE_PORTS)
		facts->strange_port[facts->strange_port_count++] = port;
}

/* Lines "sl local_address rem_address st": state 0A listens (proc(5)). */
static void
look_at_sockets(struct doctor_facts *facts, const char *path)
{
	struct buffer bytes;
	struct error error;
	struct span rest, line, word;
	buffer_init(&bytes, 0);
	if (file_read_whole(AT_FDCWD, path, 8 << 20, &bytes, &error) < 0)
		buffer_clear(&bytes);
	rest = buffer_span(&bytes);
	while (span_split(&rest, '\n', &line)) {
		struct span local = SPAN("");
		uint64_t port;
		for (size_t i = 0; i < 4 && span_word(&line, &word); i++) {
			if (i == 1)
				local = word;
			if (i == 3 && span_equals(word, SPAN("0A")) &&
			    span_to_hex_number(span_skip(local, span_find(
			    local, ':') + 1), &port))
				add_strange_port(facts, (unsigned)port);
		}
	}
	buffer_fini(&bytes);
}

void
doctor_look_machine(struct doctor_facts *facts)
{
	struct timex timex = { 0 };
	facts->now = clock_wall();
	find_own_addresses(facts);
	find_senders(facts);
	look_at_disks(facts);
	facts->strange_port = arena_new_array(facts->arena, STRANGE_PORTS,
		sizeof(*facts->strange_port));
	look_at_sockets(facts, "/proc/net/tcp");
	look_at_sockets(facts, "/proc/net/tcp6");
	facts->clock.is_synchronised = adjtimex(&timex) != TIME_ERROR;
	facts->landlock = (int)syscall(SYS_landlock_create_ruleset, NULL, 0,
		1 /* its version is asked for */);
}

/* ---- files ---- */

static void
add_file(struct doctor_facts *facts, enum doctor_file_kind kind,
	const char *path, const char *user, const char *group)
{
	struct stat status;
	bool is_root = geteuid() == 0;
	const struct passwd *owner = is_root && user != NULL ?
		getpwnam(user) : NULL;
	const struct group *drop = is_root && group != NULL ?
		getgrnam(group) : NULL;
	if (facts->file_count == FILES || stat(path, &status) < 0)
		return;
	facts->file[facts->file_count++] = (struct doctor_file){
		.kind = kind, .is_there = true,
		.path = arena_copy_string(facts->arena, span_from(path)),
		.mode = status.st_mode, .uid = status.st_uid,
		.gid = status.st_gid,
		.wanted_uid = owner == NULL ? UINT32_MAX : owner->pw_uid,
		.wanted_gid = drop == NULL ? UINT32_MAX : drop->gr_gid };
}

static const char *
below(struct doctor_facts *facts, const char *parameter, const char *name)
{
	return arena_print(facts->arena, "%s%s", config_text(facts->config,
		parameter), name).data;
}

void
doctor_look_files(struct doctor_facts *facts)
{
	char path[4096];
	facts->file = arena_new_array(facts->arena, FILES,
		sizeof(*facts->file));
	add_file(facts, DOCTOR_FILE_SECRET, config_text(facts->config,
		"tls_key_file"), NULL, NULL);
	add_file(facts, DOCTOR_FILE_SECRET, below(facts, "data_directory",
		"/auth"), "posthouse-auth", NULL);
	add_file(facts, DOCTOR_FILE_SECRET, below(facts, "data_directory",
		"/mail"), "posthouse-mail", NULL);
	add_file(facts, DOCTOR_FILE_SECRET, below(facts, "data_directory",
		"/keys"), NULL, NULL);
	if (config_text(facts->config, "smtp_sasl_password_maps")[0] != '\0')
		add_file(facts, DOCTOR_FILE_SECRET, config_path(facts->config,
			"smtp_sasl_password_maps"), NULL, NULL);
	if (config_text(facts->config, "dns_tsig_keys")[0] != '\0')
		add_file(facts, DOCTOR_FILE_SECRET, config_path(facts->config,
			"dns_tsig_keys"), NULL, NULL);
	add_file(facts, DOCTOR_FILE_OWN, below(facts, "data_directory", ""),
		"root", NULL);
	add_file(facts, DOCTOR_FILE_OWN, config_text(facts->config,
		"tls_cert_file"), NULL, NULL);
	add_file(facts, DOCTOR_FILE_OWN, below(facts, "queue_directory", ""),
		"posthouse-queue", NULL);
	add_file(facts, DOCTOR_FILE_DROP, below(facts, "queue_directory",
		"/drop"), NULL, "posthouse-drop");
	if (programs_beside("sendmail", path, sizeof(path)))
		add_file(facts, DOCTOR_FILE_SENDMAIL, path, NULL,
			"posthouse-drop");
	if (config_has_item(facts->config, "accounts", "system"))
		add_file(facts, DOCTOR_FILE_SPOOL, "/var/mail", NULL, NULL);
}

/* ---- the clock of another ---- */

static bool
ask_time(int fd, int64_t *theirs)
{
	uint8_t packet[NTP_SIZE] = { 0x23 };	/* version 4, a client */
	struct pollfd slot = { .fd = fd, .events = POLLIN };
	if (send(fd, packet, sizeof(packet), MSG_NOSIGNAL) != NTP_SIZE ||
	    poll(&slot, 1, NTP_WAIT) <= 0 ||
	    recv(fd, packet, sizeof(packet), 0) != NTP_SIZE ||
	    (packet[0] & 7) != 4 || packet[1] == 0 || packet[1] > 15)
		return false;
	/* Its transmit timestamp, s since 1900 and a fraction (RFC 4330 3). */
	uint64_t seconds = (uint64_t)packet[40] << 24 | packet[41] << 16 |
		packet[42] << 8 | packet[43];
	*theirs = ((int64_t)seconds - 2208988800) * 1000 +
		packet[44] * 1000 / 256;
	return true;
}

void
doctor_look_clock(struct doctor_facts *facts, const char *server)
{
	struct network_address at;
	struct sockaddr_storage address = { 0 };
	struct sockaddr_in *four = (struct sockaddr_in *)&address;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&address;
	int64_t theirs;
	if (!network_server_parse(span_from(server), 123, &at))
		return;
	address.ss_family = at.family;
	four->sin_port = htons(at.port);	/* at the same place in both */
	memcpy(at.family == AF_INET ? (void *)&four->sin_addr :
		(void *)&six->sin6_addr, at.bytes, at.family == AF_INET ?
		4 : 16);
	int fd = socket(at.family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address,
	    at.family == AF_INET ? sizeof(*four) : sizeof(*six)) == 0 &&
	    ask_time(fd, &theirs)) {
		facts->clock.server = server;
		facts->clock.offset = clock_wall() - theirs;
	}
	file_close(&fd);
}
