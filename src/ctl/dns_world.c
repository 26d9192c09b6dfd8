/*
 * What the world's DNS says of our records: each set is asked of the running
 * names by its socket dns-world, which goes past our own zones; all together,
 * answers in any order (RFC 7766).
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "ctl/dns.h"
#include "ctl/dns_text.h"
#include "ctl/system.h"
#include "proto/dns.h"

enum { PACKET = 65535, SETS = 512, AT_ONCE = 48 };

/* All records of one type at one name, as wanted and as answered. */
struct set {
	const struct dns_row *first;
	uint16_t type;
	bool is_answered, is_sent;
};

struct asking {
	struct dns_rows *rows;
	size_t wanted;			/* rows before the world's were added */
	struct set set[SETS];
	size_t count;
	int fd;
	struct buffer in;
	int64_t deadline;
};

static bool
is_of_set(const struct dns_row *row, const struct set *set)
{
	return span_equals(row->owner, set->first->owner) &&
		span_equals(row->type, set->first->type);
}

static void
find_sets(struct asking *asking)
{
	for (size_t i = 0; i < asking->wanted; i++) {
		const struct dns_row *row = &asking->rows->row[i];
		uint16_t type = dns_text_type(row->type);
		bool is_known = type == 0 || type == DNS_TYPE_SOA ||
			type == DNS_TYPE_NS;
		for (size_t k = 0; k < asking->count; k++)
			is_known |= is_of_set(row, &asking->set[k]);
		if (!is_known && asking->count < SETS)
			asking->set[asking->count++] = (struct set){
				.first = row, .type = type };
	}
}

/* ---- comparing ---- */

/* Beside the wanted one at the same name another kind of TXT may stand. */
static bool
is_alike(const struct dns_row *wanted, struct span data)
{
	return !span_equals(wanted->type, SPAN("TXT")) || span_equals_nocase(
		dns_text_kind(wanted->data), dns_text_kind(data));
}

static void
take_data(struct asking *asking, const struct set *set, struct span data)
{
	bool is_wanted = false, is_alike_any = false;
	for (size_t i = 0; i < asking->wanted; i++) {
		struct dns_row *row = &asking->rows->row[i];
		if (!is_of_set(row, set))
			continue;
		is_alike_any |= is_alike(row, data);
		if (!dns_text_equals(row->data, data))
			continue;
		row->state = DNS_RIGHT;
		is_wanted = true;
	}
	if (is_wanted || !is_alike_any)
		return;
	struct dns_row other = *set->first;
	other.data = data;
	other.state = DNS_OTHER;
	dns_rows_add(asking->rows, &other);
}

static void
take_answer(struct asking *asking, struct span message)
{
	struct dns_reader reader;
	struct dns_record record;
	struct dns_question question;
	if (!dns_read(&reader, message) ||
	    reader.header.id >= asking->count ||
	    !dns_read_question(&reader, &question))
		return;
	struct set *set = &asking->set[reader.header.id];
	unsigned code = reader.header.flags & DNS_FLAG_RCODE;
	if (set->is_answered)
		return;
	set->is_answered = true;
	if (code != DNS_NO_ERROR && code != DNS_NO_SUCH_NAME)
		return;
	for (size_t i = 0; i < asking->wanted; i++)
		if (is_of_set(&asking->rows->row[i], set))
			asking->rows->row[i].state = DNS_MISSING;
	while (dns_read_record(&reader, &record)) {
		struct span data;
		if (record.section == DNS_ANSWER && record.type == set->type &&
		    record.class == DNS_CLASS_IN && dns_text_of(message,
		    &record, &asking->rows->arena, &data))
			take_data(asking, set, data);
	}
}

/* ---- asking ---- */

static int
send_question(struct asking *asking, size_t i, struct error *error)
{
	struct set *set = &asking->set[i];
	struct dns_question question = { .type = set->type,
		.class = DNS_CLASS_IN };
	struct dns_writer writer;
	struct buffer out;
	set->is_sent = true;
	if (!dns_name_from_text(set->first->owner, &question.name)) {
		set->is_answered = true;
		return 0;
	}
	buffer_init(&out, PACKET + 2);
	buffer_add(&out, SPAN("\0\0"));
	dns_write(&writer, &out, PACKET, (uint16_t)i,
		DNS_FLAG_RECURSION_DESIRED);
	dns_write_question(&writer, &question);
	dns_write_end(&writer);
	out.data[0] = (char)((out.size - 2) >> 8);
	out.data[1] = (char)(out.size - 2);
	int result = file_write_all(asking->fd, buffer_span(&out), error);
	buffer_fini(&out);
	return result;
}

/* False: nothing more comes. */
static bool
receive(struct asking *asking)
{
	struct pollfd slot = { .fd = asking->fd, .events = POLLIN };
	buffer_reserve(&asking->in, PACKET + 2);
	if (poll(&slot, 1, clock_until(asking->deadline)) <= 0)
		return false;
	ssize_t n = read(asking->fd, asking->in.data + asking->in.size,
		PACKET + 2);
	if (n <= 0)
		return n < 0 && errno == EINTR;
	asking->in.size += (size_t)n;
	for (;;) {
		const uint8_t *head = (const uint8_t *)asking->in.data;
		size_t size = asking->in.size < 2 ? PACKET :
			(size_t)(head[0] << 8 | head[1]);
		if (asking->in.size < size + 2)
			return true;
		take_answer(asking, span_of(head + 2, size));
		buffer_shift(&asking->in, size + 2);
	}
}

/* How many are under way now; *left: that are not answered. */
static size_t
count_open(const struct asking *asking, size_t *left)
{
	size_t open = 0;
	*left = 0;
	for (size_t i = 0; i < asking->count; i++) {
		open += asking->set[i].is_sent && !asking->set[i].is_answered;
		*left += !asking->set[i].is_answered;
	}
	return open;
}

static int
ask_all(struct asking *asking, struct error *error)
{
	size_t next = 0, left;
	for (;;) {
		size_t open = count_open(asking, &left);
		for (; next < asking->count && open < AT_ONCE; next++, open++)
			if (send_question(asking, next, error) < 0)
				return -1;
		count_open(asking, &left);
		if (left == 0 || !receive(asking))
			return 0;
	}
}

int
dns_compare(const struct config *config, struct dns_rows *rows,
	struct error *error)
{
	struct asking *asking = arena_new(&rows->arena, sizeof(*asking));
	asking->rows = rows;
	asking->wanted = rows->count;
	asking->deadline = clock_monotonic() + DNS_WORLD_PATIENCE;
	find_sets(asking);
	if (system_connect_socket(config, "dns-world", &asking->fd,
	    error) < 0)
		return -1;
	buffer_init(&asking->in, 0);
	int result = ask_all(asking, error);
	buffer_fini(&asking->in);
	file_close(&asking->fd);
	return result;
}
