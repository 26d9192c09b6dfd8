/*
 * Ports that the system goes without because another program has them, as it
 * may for those of DNS and HTTP (services_may_be_taken). Only looks; as root.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/interfaces.h"
#include "base/memory.h"
#include "base/services.h"
#include "ctl/doctor_collect.h"
#include "ctl/port_holder.h"
#include "ctl/programs.h"

enum { TAKEN = 16 };

/* Their parent, master, has what it listens on, too. */
static int64_t
parent_of(int64_t pid)
{
	char path[40], text[512];
	long long parent = 0;
	snprintf(path, sizeof(path), "/proc/%lld/stat", (long long)pid);
	FILE *file = fopen(path, "re");
	if (file == NULL)
		return 0;
	size_t size = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[size] = '\0';
	/* behind the name in parentheses: state, parent */
	const char *end = strrchr(text, ')');
	return end != NULL && sscanf(end + 1, " %*c %lld", &parent) == 1 ?
		parent : 0;
}

static size_t
find_ours(const struct doctor_facts *facts, int64_t *ours)
{
	size_t count = 0;
	for (size_t i = 0; i < facts->process_count &&
	    count < PORT_HOLDER_PIDS; i++)
		if (facts->process[i].pid > 0)
			ours[count++] = facts->process[i].pid;
	int64_t master = count > 0 ? parent_of(ours[0]) : 0;
	if (master > 1 && count < PORT_HOLDER_PIDS)
		ours[count++] = master;
	return count;
}

static void
look_at_row(struct doctor_facts *facts, const struct service_row *row,
	const struct interfaces *interfaces, struct port_wish *wish)
{
	struct port_holder holder;
	wish->is_datagram = row->is_datagram;
	wish->port = (unsigned)config_number(facts->config, row->parameter);
	if (wish->port == 0 || facts->taken_count == TAKEN)
		return;
	wish->port += (unsigned)config_number(facts->config, "port_offset");
	for (size_t i = 0; i < interfaces->count; i++) {
		wish->address = interfaces->address[i];
		if (!port_holder_find(wish, &holder))
			continue;
		facts->taken[facts->taken_count++] = (struct doctor_taken){
			.service = arena_copy_string(facts->arena,
				span_from(row->service)),
			.parameter = arena_copy_string(facts->arena,
				span_from(row->parameter)),
			.port = wish->port,
			.address = arena_copy_string(facts->arena,
				span_from(holder.address)),
			.program = arena_copy_string(facts->arena,
				span_from(holder.program)) };
		return;
	}
}

void
doctor_look_taken(struct doctor_facts *facts)
{
	char path[4096];
	struct error error;
	struct interfaces interfaces;
	int64_t ours[PORT_HOLDER_PIDS];
	struct port_wish wish = { .ours = ours,
		.count = find_ours(facts, ours) };
	if (geteuid() != 0 || !facts->is_running)
		return;
	struct services *services = memory_new(sizeof(*services));
	facts->taken = arena_new_array(facts->arena, TAKEN,
		sizeof(*facts->taken));
	if (programs_services(path, sizeof(path), &error) == 0 &&
	    services_read(path, facts->config, services, &error) == 0 &&
	    interfaces_find(&interfaces, facts->config, &error) == 0)
		for (size_t i = 0; i < services->row_count; i++)
			if (services_may_be_taken(facts->config,
			    &services->rows[i]))
				look_at_row(facts, &services->rows[i],
					&interfaces, &wish);
	memory_free(services);
}
