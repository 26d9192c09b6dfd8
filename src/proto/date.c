/*
 * Dates of mail as text and back: RFC 5322 3.3 and 4.3, RFC 9051 9 (date-time
 * and date). No time zone data base, no locale: months are English, a zone is
 * minutes east of UTC. Days are counted in the proleptic Gregorian calendar.
 */
#include "proto/date.h"

#include "proto/mime.h"

enum { DAY = 86400, YEAR_LAST = 9999 };

static const char *const months[12] = { "Jan", "Feb", "Mar", "Apr", "May",
	"Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
static const char *const weekdays[7] = { "Thu", "Fri", "Sat", "Sun", "Mon",
	"Tue", "Wed" };		/* 1970-01-01 was a Thursday */

/* A point of time taken apart; day counts from 1, month from 0. */
struct parts {
	int64_t year;
	int month, day, hour, minute, second;
	int zone;
};

static int64_t
floor_divide(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* Days from 1970-01-01 to the first of March of the year. */
static int64_t
days_to_march(int64_t year)
{
	return year * 365 + floor_divide(year, 4) - floor_divide(year, 100) +
		floor_divide(year, 400) - 719468;
}

/* Days from the first of March to the first of the month counted from March. */
static int64_t
days_of_months(int month)
{
	return (month * 153 + 2) / 5;
}

static int64_t
days_of(int64_t year, int month, int day)
{
	/* The year begins in March, so that the leap day is its last. */
	int from_march = (month + 10) % 12;
	if (month < 2)
		year--;
	return days_to_march(year) + days_of_months(from_march) + day - 1;
}

static void
take_apart(int64_t seconds, int zone, struct parts *parts)
{
	static const int64_t first = -62167219200;	/* year 0 */
	static const int64_t last = 253402300799;	/* end of year 9999 */
	if (zone < -5999 || zone > 5999)
		zone = 0;
	/* The forms have four digits for the year. */
	if (seconds < first + 2 * DAY * 4)
		seconds = first + 2 * DAY * 4;
	if (seconds > last - 2 * DAY * 4)
		seconds = last - 2 * DAY * 4;
	seconds += (int64_t)zone * 60;
	int64_t days = floor_divide(seconds, DAY);
	int rest = (int)(seconds - days * DAY);
	/* The estimate may be a year too late, never more. */
	int64_t year = floor_divide((days + 719468) * 400, 146097);
	if (days_to_march(year) > days)
		year--;
	else if (days_to_march(year + 1) <= days)
		year++;
	int in_year = (int)(days - days_to_march(year));
	int from_march = (in_year * 5 + 2) / 153;
	parts->day = in_year - (int)days_of_months(from_march) + 1;
	parts->month = (from_march + 2) % 12;
	parts->year = parts->month < 2 ? year + 1 : year;
	parts->hour = rest / 3600;
	parts->minute = rest / 60 % 60;
	parts->second = rest % 60;
	parts->zone = zone;
}

static void
format_time(struct buffer *out, const struct parts *parts)
{
	int zone = parts->zone < 0 ? -parts->zone : parts->zone;
	buffer_print(out, "%04d %02d:%02d:%02d %c%02d%02d", (int)parts->year,
		parts->hour, parts->minute, parts->second,
		parts->zone < 0 ? '-' : '+', zone / 60, zone % 60);
}

void
date_format_header(struct buffer *out, int64_t seconds, int zone)
{
	struct parts parts;
	take_apart(seconds, zone, &parts);
	int64_t days = days_of(parts.year, parts.month, parts.day);
	buffer_print(out, "%s, %d %s ",
		weekdays[days - floor_divide(days, 7) * 7], parts.day,
		months[parts.month]);
	format_time(out, &parts);
}

void
date_format_internal(struct buffer *out, int64_t seconds, int zone)
{
	struct parts parts;
	take_apart(seconds, zone, &parts);
	buffer_print(out, "%2d-%s-", parts.day, months[parts.month]);
	format_time(out, &parts);
}

/* ---- reading ---- */

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_letter(char c)
{
	c = span_lower_byte(c);
	return c >= 'a' && c <= 'z';
}

/* Digits off the front, at least `least` and at most `most` of them. */
static bool
take_number(struct span *rest, size_t least, size_t most, int *number)
{
	size_t n = 0;
	int value = 0;
	while (n < rest->size && n < most && is_digit(rest->data[n]))
		value = value * 10 + (rest->data[n++] - '0');
	if (n < least)
		return false;
	*number = value;
	*rest = span_skip(*rest, n);
	return true;
}

static bool
take_byte(struct span *rest, char c)
{
	if (rest->size == 0 || rest->data[0] != c)
		return false;
	*rest = span_skip(*rest, 1);
	return true;
}

/* The name of a month, or the first three letters of it. */
static bool
month_of(struct span word, int *month)
{
	for (int i = 0; i < 12; i++)
		if (span_starts_nocase(word, span_from(months[i]))) {
			*month = i;
			return true;
		}
	return false;
}

static bool
is_in_calendar(const struct parts *parts)
{
	static const int length[12] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31,
		30, 31 };
	if (parts->year < 0 || parts->year > YEAR_LAST)
		return false;
	if (parts->day < 1 || parts->day > length[parts->month])
		return false;
	bool leap = parts->year % 4 == 0 &&
		(parts->year % 100 != 0 || parts->year % 400 == 0);
	return leap || parts->month != 1 || parts->day < 29;
}

/* RFC 5322 3.3: second 60 is a leap second; it counts as the next second. */
static bool
is_on_clock(const struct parts *parts)
{
	return parts->hour < 24 && parts->minute < 60 && parts->second <= 60;
}

static bool
put_together(const struct parts *parts, int64_t *seconds, int *zone)
{
	if (!is_in_calendar(parts) || !is_on_clock(parts))
		return false;
	*seconds = days_of(parts->year, parts->month, parts->day) * DAY +
		parts->hour * 3600 + parts->minute * 60 + parts->second -
		(int64_t)parts->zone * 60;
	*zone = parts->zone;
	return true;
}

/* "+0130" or "-0800" as the whole span. */
static bool
parse_offset(struct span text, int *zone)
{
	int hours, minutes;
	if (text.size != 5 || (text.data[0] != '+' && text.data[0] != '-'))
		return false;
	struct span rest = span_skip(text, 1);
	if (!take_number(&rest, 2, 2, &hours) ||
	    !take_number(&rest, 2, 2, &minutes) || minutes > 59)
		return false;
	*zone = hours * 60 + minutes;
	if (text.data[0] == '-')
		*zone = -*zone;
	return true;
}

static bool
take_date(struct span *rest, struct parts *parts)
{
	int year;
	if (!take_number(rest, 1, 2, &parts->day) || !take_byte(rest, '-') ||
	    rest->size < 3 || !month_of(span_first(*rest, 3), &parts->month))
		return false;
	*rest = span_skip(*rest, 3);
	if (!take_byte(rest, '-') || !take_number(rest, 4, 4, &year))
		return false;
	parts->year = year;
	return is_in_calendar(parts);
}

bool
date_parse_internal(struct span text, int64_t *seconds, int *zone)
{
	struct parts parts = { 0 };
	take_byte(&text, ' ');	/* date-day-fixed = (SP DIGIT) / 2DIGIT */
	return take_date(&text, &parts) && take_byte(&text, ' ') &&
		take_number(&text, 2, 2, &parts.hour) && take_byte(&text, ':') &&
		take_number(&text, 2, 2, &parts.minute) && take_byte(&text, ':') &&
		take_number(&text, 2, 2, &parts.second) && take_byte(&text, ' ') &&
		parse_offset(text, &parts.zone) &&
		put_together(&parts, seconds, zone);
}

bool
date_parse_search(struct span text, int64_t *days)
{
	struct parts parts = { 0 };
	if (!take_date(&text, &parts) || text.size > 0)
		return false;
	*days = days_of(parts.year, parts.month, parts.day);
	return true;
}

/* ---- RFC 5322, and what people send ---- */

/* Commas too off the front. */
static void
skip_between(struct span *rest)
{
	mime_skip_between(rest);
	while (span_starts(*rest, SPAN(","))) {
		*rest = span_skip(*rest, 1);
		mime_skip_between(rest);
	}
}

/* A run of letters or of digits, or one other byte. */
static struct span
take_token(struct span *rest)
{
	size_t n = 0;
	while (n < rest->size && is_letter(rest->data[n]))
		n++;
	while (n == 0 || (n < rest->size && is_digit(rest->data[n - 1]) &&
	    is_digit(rest->data[n])))
		n++;
	struct span token = span_first(*rest, n);
	*rest = span_skip(*rest, n);
	return token;
}

/*
 * The hour stands in `token`; ":55 : 06" follows, with blanks and comments
 * wherever (RFC 5322 4.3, A.6.3). Seconds may be missing.
 */
static bool
take_clock(struct span token, struct span *rest, struct parts *parts)
{
	if (!take_number(&token, 1, 2, &parts->hour) || token.size > 0)
		return false;
	take_byte(rest, ':');
	skip_between(rest);
	if (!take_number(rest, 1, 2, &parts->minute))
		return false;
	skip_between(rest);
	if (!take_byte(rest, ':'))
		return true;
	skip_between(rest);
	return take_number(rest, 1, 2, &parts->second);
}

/* RFC 5322 4.3 obs-year. */
static bool
parse_year(struct span token, struct parts *parts)
{
	struct span rest = token;
	int year;
	if (!take_number(&rest, 2, 4, &year) || rest.size > 0)
		return false;
	if (token.size == 2 && year < 50)
		year += 2000;
	else if (token.size < 4)
		year += 1900;
	parts->year = year;
	return true;
}

/* RFC 5322 4.3 obs-zone; a zone nobody knows is taken as -0000. */
static int
zone_of(struct span word)
{
	static const struct {
		struct span name;
		int hours;
	} zones[] = {
		{ SPAN("EST"), -5 }, { SPAN("EDT"), -4 }, { SPAN("CST"), -6 },
		{ SPAN("CDT"), -5 }, { SPAN("MST"), -7 }, { SPAN("MDT"), -6 },
		{ SPAN("PST"), -8 }, { SPAN("PDT"), -7 },
		/* not in the RFC, but in mail */
		{ SPAN("CET"), 1 }, { SPAN("CEST"), 2 }, { SPAN("BST"), 1 },
		{ SPAN("JST"), 9 }, { SPAN("KST"), 9 }, { SPAN("HKT"), 8 },
	};
	for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++)
		if (span_equals_nocase(word, zones[i].name))
			return zones[i].hours * 60;
	return 0;
}

/* What has been found so far. */
struct found {
	bool day, month, year, clock, zone;
};

/* The day of the week and other words say nothing. */
static void
take_word(struct span token, struct parts *parts, struct found *found)
{
	if (!found->month && month_of(token, &parts->month)) {
		found->month = true;
	} else if (found->clock && span_equals_nocase(token, SPAN("PM"))) {
		if (parts->hour < 12)
			parts->hour += 12;
	} else if (found->clock && span_equals_nocase(token, SPAN("AM"))) {
		if (parts->hour == 12)
			parts->hour = 0;
	} else if (found->clock && !found->zone) {
		parts->zone = zone_of(token);
		found->zone = true;
	}
}

static bool
take_digits(struct span token, struct span *rest, struct parts *parts,
	struct found *found)
{
	skip_between(rest);
	if (!found->clock && rest->size > 0 && rest->data[0] == ':') {
		found->clock = take_clock(token, rest, parts);
		return found->clock;
	}
	if (!found->day && token.size <= 2) {
		found->day = take_number(&token, 1, 2, &parts->day);
	} else if (!found->year) {
		found->year = parse_year(token, parts);
		return found->year;
	}
	return true;
}

bool
date_parse_header(struct span text, int64_t *seconds, int *zone)
{
	struct parts parts = { 0 };
	struct found found = { 0 };
	for (skip_between(&text); text.size > 0; skip_between(&text)) {
		if (found.clock && !found.zone &&
		    parse_offset(span_first(text, 5), &parts.zone)) {
			found.zone = true;
			text = span_skip(text, 5);
			continue;
		}
		struct span token = take_token(&text);
		if (is_letter(token.data[0]))
			take_word(token, &parts, &found);
		else if (is_digit(token.data[0]) &&
		    !take_digits(token, &text, &parts, &found))
			return false;
	}
	return found.day && found.month && found.year &&
		put_together(&parts, seconds, zone);
}
