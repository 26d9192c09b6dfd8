/* See port_holder.h. */
#include "ctl/port_holder.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

enum { SOCKETS = 64, TABLE_LIMIT = 8 << 20 };

struct held {
	int family;
	uint8_t address[16];
	uint64_t inode;
};

struct table {
	const struct port_wish *wish;
	struct held held[SOCKETS];
	size_t count;
};

/* ---- the kernel's table ---- */

/* Words of 32 bits, each as this machine has it in memory. */
static bool
read_address(struct span text, struct held *held)
{
	size_t words = text.size / 8;
	if (text.size != 8 && text.size != 32)
		return false;
	held->family = words == 1 ? AF_INET : AF_INET6;
	for (size_t i = 0; i < words; i++) {
		uint64_t number;
		if (!span_to_hex_number(span_first(span_skip(text, i * 8), 8),
		    &number))
			return false;
		uint32_t word = (uint32_t)number;
		memcpy(held->address + i * 4, &word, 4);
	}
	return true;
}

/* "sl local_address rem_address st tx:rx tr:tm retrnsmt uid timeout inode": of
 * TCP those that listen (0A), of UDP those without another end (07). */
static void
take_line(struct table *table, struct span line)
{
	struct span word[10];
	struct held held = { 0 };
	uint64_t port;
	for (size_t i = 0; i < 10; i++)
		if (!span_word(&line, &word[i]))
			return;
	size_t colon = span_find(word[1], ':');
	if (span_equals(word[3], table->wish->is_datagram ? SPAN("07") :
	    SPAN("0A")) &&
	    span_to_hex_number(span_skip(word[1], colon + 1), &port) &&
	    port == table->wish->port && table->count < SOCKETS &&
	    span_to_number(word[9], UINT64_MAX, &held.inode) &&
	    read_address(span_first(word[1], colon), &held))
		table->held[table->count++] = held;
}

static void
read_table(struct table *table, const char *path)
{
	struct buffer bytes;
	struct error error;
	buffer_init(&bytes, 0);
	if (file_read_whole(AT_FDCWD, path, TABLE_LIMIT, &bytes, &error) < 0)
		buffer_clear(&bytes);
	struct span rest = buffer_span(&bytes), line;
	while (span_split(&rest, '\n', &line))
		take_line(table, line);
	buffer_fini(&bytes);
}

/* ---- who has a socket ---- */

static bool
has_socket(const char *pid, uint64_t inode)
{
	char path[64], link[64], wanted[40];
	bool found = false;
	int size = snprintf(wanted, sizeof(wanted), "socket:[%llu]",
		(unsigned long long)inode);
	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	DIR *directory = opendir(path);
	struct dirent *entry;
	while (directory != NULL && !found &&
	    (entry = readdir(directory)) != NULL)
		found = readlinkat(dirfd(directory), entry->d_name, link,
			sizeof(link)) == size && memcmp(link, wanted,
			(size_t)size) == 0;
	if (directory != NULL)
		closedir(directory);
	return found;
}

static bool
is_ours(const struct port_wish *wish, uint64_t inode)
{
	char pid[24];
	for (size_t i = 0; i < wish->count; i++) {
		snprintf(pid, sizeof(pid), "%lld", (long long)wish->ours[i]);
		if (has_socket(pid, inode))
			return true;
	}
	return false;
}

static void
find_program(uint64_t inode, char program[PORT_HOLDER_NAME])
{
	struct dirent *entry;
	struct buffer name;
	struct error error;
	char path[300];
	DIR *directory = opendir("/proc");
	snprintf(program, PORT_HOLDER_NAME, "?");
	buffer_init(&name, 0);
	while (directory != NULL && (entry = readdir(directory)) != NULL) {
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9' ||
		    !has_socket(entry->d_name, inode))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		if (file_read_whole(AT_FDCWD, path, 4096, &name, &error) == 0)
			snprintf(program, PORT_HOLDER_NAME, "%.*s",
				SPAN_PRINT(span_trim(buffer_span(&name))));
		break;
	}
	buffer_fini(&name);
	if (directory != NULL)
		closedir(directory);
}

/* ---- the answer ---- */

static void
wanted_as_held(const struct port_wish *wish, struct held *held)
{
	*held = (struct held){ .family = wish->address.ss_family };
	if (held->family == AF_INET)
		memcpy(held->address, &((const struct sockaddr_in *)
			&wish->address)->sin_addr, 4);
	else
		memcpy(held->address, &((const struct sockaddr_in6 *)
			&wish->address)->sin6_addr, 16);
}

static bool
is_any(const struct held *held)
{
	static const uint8_t any[16];
	return memcmp(held->address, any, sizeof(any)) == 0;
}

static bool
is_same(const struct held *a, const struct held *b)
{
	return a->family == b->family && memcmp(a->address, b->address,
		sizeof(a->address)) == 0;
}

/* One that is all of IPv6 may be all of IPv4, too (RFC 3493 3.7). */
static bool
is_in_the_way(const struct held *wanted, const struct held *other)
{
	if (wanted->family != other->family)
		return other->family == AF_INET6 && is_any(other);
	return is_any(wanted) || is_any(other) || is_same(wanted, other);
}

static void
describe(const struct port_wish *wish, const struct held *held,
	struct port_holder *holder)
{
	char text[INET6_ADDRSTRLEN] = "";
	inet_ntop(held->family, held->address, text, sizeof(text));
	snprintf(holder->address, sizeof(holder->address),
		held->family == AF_INET ? "%s:%u" : "[%s]:%u", text,
		wish->port);
	find_program(held->inode, holder->program);
}

bool
port_holder_find(const struct port_wish *wish, struct port_holder *holder)
{
	struct table table = { .wish = wish };
	struct held wanted;
	const struct held *other = NULL;
	read_table(&table, wish->is_datagram ? "/proc/net/udp" :
		"/proc/net/tcp");
	read_table(&table, wish->is_datagram ? "/proc/net/udp6" :
		"/proc/net/tcp6");
	wanted_as_held(wish, &wanted);
	for (size_t i = 0; i < table.count; i++) {
		const struct held *held = &table.held[i];
		bool is_own = is_ours(wish, held->inode);
		if (is_own && is_same(held, &wanted))
			return false;
		if (!is_own && is_in_the_way(&wanted, held))
			other = held;
	}
	if (other != NULL)
		describe(wish, other, holder);
	return other != NULL;
}
