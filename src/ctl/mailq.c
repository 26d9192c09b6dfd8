/*
 * mailq: the queue in the shape that administrators (and their scripts) have
 * known for decades: one paragraph for each message, with "!" behind the id of
 * one that is held. Rows are printed as they come, however many there are.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ctl/admin.h"
#include "base/memory.h"

struct listing {
	char id[64];			/* of the message being printed */
	char error[600];		/* printed last for it */
	uint64_t messages, bytes;
};

static struct span
get(const struct tabline *row, const char *key)
{
	struct span value = { NULL, 0 };
	tabline_get(row, 2, key, &value);
	return value;
}

/* What strangers wrote reaches no terminal as control characters. */
static void
print_clean(struct span text)
{
	for (size_t i = 0; i < text.size; i++) {
		unsigned char c = (unsigned char)text.data[i];
		putchar(c < ' ' || c == 0x7f ? '?' : c);
	}
}

/* "2026-11-22T11:12:40.701Z" as "Sun Nov 22 11:12:40", here. */
static void
print_time(struct span iso)
{
	struct tm parts = { 0 };
	char text[40];
	snprintf(text, sizeof(text), "%.*s", SPAN_PRINT(iso));
	if (strptime(text, "%Y-%m-%dT%H:%M:%S", &parts) == NULL) {
		printf("%-19s", text);
		return;
	}
	time_t when = timegm(&parts);
	localtime_r(&when, &parts);
	strftime(text, sizeof(text), "%a %b %e %H:%M:%S", &parts);
	printf("%-19s", text);
}

static void
print_message(struct listing *listing, const struct tabline *row)
{
	struct span id = get(row, "id"), sender = get(row, "sender");
	bool is_held = span_equals(get(row, "state"), SPAN("held"));
	uint64_t size = 0;
	span_to_number(get(row, "size"), INT64_MAX, &size);
	if (listing->messages++ > 0)
		putchar('\n');
	listing->bytes += size;
	snprintf(listing->id, sizeof(listing->id), "%.*s", SPAN_PRINT(id));
	listing->error[0] = '\0';
	printf("%.*s%c %8llu ", SPAN_PRINT(id), is_held ? '!' : ' ',
		(unsigned long long)size);
	print_time(get(row, "arrival"));
	printf("  ");
	if (sender.size == 0)
		printf("MAILER-DAEMON");
	print_clean(sender);
	putchar('\n');
}

static void
print_row(void *context, const struct tabline *row)
{
	struct listing *listing = context;
	struct span error = get(row, "error");
	if (!span_equals(get(row, "id"), span_from(listing->id)))
		print_message(listing, row);
	if (error.size > 0 && !span_equals(span_first(error,
	    sizeof(listing->error) - 1), span_from(listing->error))) {
		snprintf(listing->error, sizeof(listing->error), "%.*s",
			SPAN_PRINT(error));
		printf("%30s(", "");
		print_clean(error);
		printf(")\n");
	}
	printf("%41s", "");
	print_clean(get(row, "recipient"));
	putchar('\n');
}

int
ctl_mailq(struct ctl *ctl)
{
	struct listing *listing = memory_new(sizeof(*listing));
	if (ctl->json) {
		memory_free(listing);
		return ctl_queue_list(ctl);
	}
	printf("-Queue ID-         --Size-- ----Arrival Time---- "
		"-Sender/Recipient-------\n");
	int result = admin_each(ctl, "queue-admin", 0, "QUEUE-LIST", NULL,
		print_row, NULL, listing);
	if (result == 0 && listing->messages == 0)
		printf("Mail queue is empty\n");
	else if (result == 0)
		printf("\n-- %llu Kbytes in %llu Request%s.\n",
			(unsigned long long)(listing->bytes + 1023) / 1024,
			(unsigned long long)listing->messages,
			listing->messages == 1 ? "" : "s");
	memory_free(listing);
	return result;
}
