/* posthouse certificate: what hostmaster got by ACME, and getting it anew. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "ctl/admin.h"

static const char service[] = "hostmaster-admin";
static const char *const columns[] = { "state", "names", "until", "issuer",
	"renewal", "failures", "retry", "trouble", "left-out",
	NULL };

enum { TEXT_SIZE = 4096, PATIENCE = 300000 /* ms */, PAUSE = 300 };

/* The one row of CERTIFICATE-LIST. */
struct answer {
	char state[16], names[TEXT_SIZE], issuer[200], until[32], renewal[32],
		retry[32], trouble[600], left_out[TEXT_SIZE];
	uint64_t attempts;
};

static void
take(const struct tabline *row, const char *key, char *out, size_t size)
{
	struct span value;
	if (tabline_get(row, 2, key, &value))
		snprintf(out, size, "%.*s", SPAN_PRINT(value));
}

static void
take_row(void *context, const struct tabline *row)
{
	struct answer *answer = context;
	struct span value;
	take(row, "state", answer->state, sizeof(answer->state));
	take(row, "names", answer->names, sizeof(answer->names));
	take(row, "issuer", answer->issuer, sizeof(answer->issuer));
	take(row, "until", answer->until, sizeof(answer->until));
	take(row, "renewal", answer->renewal, sizeof(answer->renewal));
	take(row, "retry", answer->retry, sizeof(answer->retry));
	take(row, "trouble", answer->trouble, sizeof(answer->trouble));
	take(row, "left-out", answer->left_out, sizeof(answer->left_out));
	if (tabline_get(row, 2, "attempts", &value))
		span_to_number(value, UINT64_MAX, &answer->attempts);
}

static int
ask(struct ctl *ctl, struct answer *answer)
{
	*answer = (struct answer){ 0 };
	return admin_each(ctl, service, 0, "CERTIFICATE-LIST", NULL, take_row,
		NULL, answer);
}

static void
print_line(const char *key, const char *value)
{
	if (value[0] != '\0')
		printf("%-8s %s\n", key, value);
}

static void
print(const struct answer *answer)
{
	if (answer->names[0] == '\0')
		printf("No certificate was got by ACME%s.\n",
			strcmp(answer->state, "off") == 0 ?
			": acme_directory is not set" : " yet");
	print_line("names", answer->names);
	print_line("from", answer->issuer);
	print_line("until", answer->until);
	print_line("renewal", answer->renewal);
	print_line("left out", answer->left_out);
	print_line("trouble", answer->trouble);
	if (answer->trouble[0] != '\0')
		print_line("again", answer->retry);
}

static int
list(struct ctl *ctl)
{
	struct answer answer;
	if (ctl->json)
		return admin_list(ctl, service, "CERTIFICATE-LIST", NULL,
			columns);
	if (ask(ctl, &answer) != 0)
		return 1;
	print(&answer);
	return 0;
}

/* Begins, and waits until it has ended. */
static int
renew(struct ctl *ctl)
{
	const struct timespec pause = { .tv_nsec = PAUSE * 1000000L };
	int64_t deadline = clock_monotonic() + PATIENCE;
	struct answer before, answer;
	if (ask(ctl, &before) != 0 ||
	    admin_do(ctl, service, "CERTIFICATE-RENEW", NULL) != 0)
		return 1;
	do {
		nanosleep(&pause, NULL);
		if (ask(ctl, &answer) != 0)
			return 1;
	} while ((answer.attempts == before.attempts ||
		strcmp(answer.state, "busy") == 0) &&
		clock_until(deadline) > 0);
	if (answer.attempts == before.attempts)
		return ctl_fail("the certificate is not there yet; posthouse "
			"certificate list says how it goes on");
	if (answer.trouble[0] != '\0')
		return ctl_fail("the certificate was not renewed: %s",
			answer.trouble);
	if (ctl->json)
		return list(ctl);
	print(&answer);
	return 0;
}

int
ctl_certificate(struct ctl *ctl)
{
	const char *verb = ctl->argc == 1 ? ctl->argv[0] : "";
	if (strcmp(verb, "list") == 0)
		return list(ctl);
	if (strcmp(verb, "renew") == 0)
		return renew(ctl);
	return ctl_usage(ctl_command_of(ctl_certificate),
		"expected list or renew");
}
