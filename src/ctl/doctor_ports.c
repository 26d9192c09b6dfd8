/*
 * Judges of what is listened on, as a client here found it, and of what the
 * SMTP port would take.
 *
 *	RFC 5321 4.5.1 (postmaster), RFC 2142 (abuse), RFC 3207
 */
#include <string.h>

#include "ctl/doctor.h"

static void
judge_port(struct doctor_report *report, const struct doctor_port *port)
{
	switch (port->state) {
	case DOCTOR_PORT_UNTRIED:
		break;
	case DOCTOR_PORT_CLOSED:
		doctor_add(report, DOCTOR_PORT_IS_CLOSED, port->service,
			port->address, port->said);
		break;
	case DOCTOR_PORT_MUTE:
		doctor_add(report, DOCTOR_PORT_IS_MUTE, port->service,
			port->address);
		break;
	case DOCTOR_PORT_OTHER:
		doctor_add(report, DOCTOR_PORT_IS_OTHERS, port->service,
			port->address, port->said);
		break;
	case DOCTOR_PORT_NO_TLS:
		doctor_add(report, DOCTOR_PORT_TLS_FAILS, port->service,
			port->address, port->said);
		break;
	case DOCTOR_PORT_ANSWERS:
		if (port->lacks_starttls)
			doctor_add(report, DOCTOR_STARTTLS_MISSING,
				port->service, port->address);
		break;
	}
}

/* What the system goes without. */
static bool
is_taken(const struct doctor_facts *facts, const char *service)
{
	for (size_t i = 0; i < facts->taken_count; i++)
		if (strcmp(facts->taken[i].service, service) == 0)
			return true;
	return false;
}

static void
judge_taken(struct doctor_facts *facts, struct doctor_report *report,
	const struct doctor_taken *taken)
{
	doctor_add(report, DOCTOR_PORT_TAKEN, taken->parameter,
		arena_print(facts->arena, "%u", taken->port).data,
		taken->program, taken->address);
}

static void
judge_recipient(struct doctor_facts *facts, struct doctor_report *report,
	const struct doctor_recipient *recipient)
{
	const char *code = arena_print(facts->arena, "%u",
		recipient->code).data;
	bool is_abuse = span_starts(span_from(recipient->address),
		SPAN("abuse@"));
	if (recipient->is_strangers) {
		if (recipient->code / 100 == 2)
			doctor_add(report, DOCTOR_OPEN_RELAY,
				recipient->address);
	} else if (recipient->code / 100 == 5) {
		doctor_add(report, is_abuse ? DOCTOR_ABUSE_REFUSED :
			DOCTOR_POSTMASTER_REFUSED, recipient->address, code);
	}
}

void
doctor_judge_ports(struct doctor_facts *facts, struct doctor_report *report)
{
	for (size_t i = 0; i < facts->port_count; i++)
		if (!is_taken(facts, facts->port[i].service))
			judge_port(report, &facts->port[i]);
	for (size_t i = 0; i < facts->taken_count; i++)
		judge_taken(facts, report, &facts->taken[i]);
	for (size_t i = 0; i < facts->recipient_count; i++)
		judge_recipient(facts, report, &facts->recipient[i]);
	for (size_t i = 0; i < facts->strange_port_count; i++)
		doctor_add(report, DOCTOR_OTHER_SERVER, arena_print(
			facts->arena, "%u", facts->strange_port[i]).data);
}
