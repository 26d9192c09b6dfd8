/* See mbox_from.h. */
#include "store/mbox_from.h"

#include <time.h>

static const char *const weekdays[] = { "Sun", "Mon", "Tue", "Wed", "Thu",
	"Fri", "Sat" };
static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
	"Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

/* Zones by name, as far as everybody means the same by them (RFC 5322 4.3). */
static const struct {
	const char *name;
	int minutes;
} zones[] = {
	{ "UTC", 0 }, { "GMT", 0 }, { "UT", 0 }, { "Z", 0 }, { "WET", 0 },
	{ "CET", 60 }, { "MET", 60 }, { "CEST", 120 }, { "MEST", 120 },
	{ "EET", 120 }, { "EEST", 180 }, { "EST", -300 }, { "EDT", -240 },
	{ "CST", -360 }, { "CDT", -300 }, { "MST", -420 }, { "MDT", -360 },
	{ "PST", -480 }, { "PDT", -420 }, { "JST", 540 },
};

struct clock_time {
	struct tm parts;
	bool has_zone;
	int zone;
};

static int
look_up(struct span word, const char *const *names, int count)
{
	for (int i = 0; i < count; i++)
		if (span_equals(word, span_from(names[i])))
			return i;
	return -1;
}

static bool
number(struct span word, unsigned low, unsigned high, int *out)
{
	uint64_t n;
	if (word.size > 4 || !span_to_number(word, high, &n) || n < low)
		return false;
	*out = (int)n;
	return true;
}

/* hh:mm or hh:mm:ss; a leap second is one. */
static bool
time_of_day(struct span word, struct tm *parts)
{
	struct span hour, minute, second;
	if (!span_split(&word, ':', &hour) || hour.size > 2 ||
		!number(hour, 0, 23, &parts->tm_hour) || word.data == NULL)
		return false;
	span_split(&word, ':', &minute);
	if (minute.size != 2 || !number(minute, 0, 59, &parts->tm_min))
		return false;
	parts->tm_sec = 0;
	if (word.data == NULL)
		return true;
	span_split(&word, ':', &second);
	return word.data == NULL && second.size == 2 &&
		number(second, 0, 60, &parts->tm_sec);
}

static bool
year(struct span word, struct tm *parts)
{
	int n;
	if (word.size != 4 || !number(word, 1970, 9999, &n))
		return false;
	parts->tm_year = n - 1900;
	return true;
}

/* "+hhmm", or a word of capitals: one that is not in the table says nothing. */
static bool
zone_of(struct span word, struct clock_time *when)
{
	uint64_t n;
	if (word.size == 5 && (word.data[0] == '+' || word.data[0] == '-')) {
		if (!span_to_number(span_skip(word, 1), 2359, &n) ||
			n % 100 > 59)
			return false;
		when->zone = (int)(n / 100 * 60 + n % 100) *
			(word.data[0] == '-' ? -1 : 1);
		when->has_zone = true;
		return true;
	}
	if (word.size > 5)
		return false;
	for (size_t i = 0; i < word.size; i++)
		if (word.data[i] < 'A' || word.data[i] > 'Z')
			return false;
	if (span_equals(word, SPAN("DST"))) {
		when->zone += when->has_zone ? 60 : 0;
		return true;
	}
	for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
		if (span_equals(word, span_from(zones[i].name))) {
			when->zone = zones[i].minutes;
			when->has_zone = true;
		}
	}
	return true;
}

/* What may follow a date: one zone, and "remote from HOST" of uucp. */
static bool
is_good_end(struct span rest, struct clock_time *when)
{
	struct span word;
	if (!span_word(&rest, &word))
		return true;
	if (!span_equals(word, SPAN("remote"))) {
		if (!zone_of(word, when))
			return false;
		if (!span_word(&rest, &word))
			return true;
	}
	return span_equals(word, SPAN("remote")) && span_word(&rest, &word) &&
		span_equals(word, SPAN("from")) && span_word(&rest, &word) &&
		!span_word(&rest, &word);
}

/* "Nov 22 16:30[:35] [ZONE [DST]] 2026 [ZONE]", the weekday read before. */
static bool
asctime_date(struct span rest, struct clock_time *when)
{
	struct span word;
	struct tm *parts = &when->parts;
	if (!span_word(&rest, &word) ||
		(parts->tm_mon = look_up(word, months, 12)) < 0 ||
		!span_word(&rest, &word) || word.size > 2 ||
		!number(word, 1, 31, &parts->tm_mday) ||
		!span_word(&rest, &word) || !time_of_day(word, parts))
		return false;
	for (int i = 0; i < 3 && span_word(&rest, &word); i++) {
		if (year(word, parts))
			return is_good_end(rest, when);
		if (i == 2 || !zone_of(word, when))
			return false;
	}
	return false;
}

/* "22 Nov 2026 16:30:35 [ZONE]", "Sun," read before. */
static bool
mail_date(struct span rest, struct clock_time *when)
{
	struct span word;
	struct tm *parts = &when->parts;
	return span_word(&rest, &word) && word.size <= 2 &&
		number(word, 1, 31, &parts->tm_mday) &&
		span_word(&rest, &word) &&
		(parts->tm_mon = look_up(word, months, 12)) >= 0 &&
		span_word(&rest, &word) && year(word, parts) &&
		span_word(&rest, &word) && time_of_day(word, parts) &&
		is_good_end(rest, when);
}

static bool
date_of(struct span word, struct span rest, struct clock_time *when)
{
	*when = (struct clock_time){ .has_zone = false };
	if (look_up(span_first(word, 3), weekdays, 7) < 0)
		return false;
	if (word.size == 3)
		return asctime_date(rest, when);
	return word.size == 4 && word.data[3] == ',' && mail_date(rest, when);
}

static void
set_date(struct clock_time *when, struct mbox_from *from)
{
	if (when->has_zone) {
		from->date = (int64_t)timegm(&when->parts) - when->zone * 60;
		from->zone = when->zone;
		return;
	}
	when->parts.tm_isdst = -1;
	from->date = (int64_t)mktime(&when->parts);
	from->zone = (int)(when->parts.tm_gmtoff / 60);
}

bool
mbox_from_parse(struct span line, struct mbox_from *from)
{
	struct clock_time when;
	struct span word;
	if (line.size > MBOX_FROM_LIMIT || !span_starts(line, SPAN("From ")))
		return false;
	struct span text = span_trim(span_skip(line, 5)), rest = text;
	/* A sender may hold blanks, and look like a weekday. */
	while (span_word(&rest, &word)) {
		if (!date_of(word, rest, &when))
			continue;
		from->sender = span_trim(span_first(text,
			(size_t)(word.data - text.data)));
		set_date(&when, from);
		return true;
	}
	return false;
}

void
mbox_from_add(struct buffer *out, struct span sender, int64_t date)
{
	time_t seconds = (time_t)date;
	struct tm parts;
	sender = span_first(sender, MBOX_SENDER_LIMIT);
	buffer_add_string(out, "From ");
	if (span_is_empty(sender))
		buffer_add_string(out, "MAILER-DAEMON");
	for (size_t i = 0; i < sender.size; i++) {
		unsigned char c = (unsigned char)sender.data[i];
		buffer_add_byte(out, c <= ' ' || c == 127 ? '_' : (char)c);
	}
	/* What has no date that a line can say is of the first day. */
	if (date < 0 || localtime_r(&seconds, &parts) == NULL ||
		parts.tm_year > 9999 - 1900 || parts.tm_year < 70) {
		seconds = 0;
		gmtime_r(&seconds, &parts);
	}
	buffer_print(out, " %s %s %2d %02d:%02d:%02d %d\n",
		weekdays[parts.tm_wday], months[parts.tm_mon], parts.tm_mday,
		parts.tm_hour, parts.tm_min, parts.tm_sec, parts.tm_year + 1900);
}
