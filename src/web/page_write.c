/*
 * Answers as octets (RFC 9112 4, RFC 9110 15). Everything is said to be what it
 * is and no more: no script, no frame, no guessing of types.
 */
#include "web/page.h"

#include <time.h>

enum { STRICT_TIME = 15552000 };	/* s: 180 days */

static const struct {
	unsigned status;
	const char *reason;
} reasons[] = {
	{ 200, "OK" }, { 301, "Moved Permanently" }, { 302, "Found" },
	{ 308, "Permanent Redirect" }, { 400, "Bad Request" },
	{ 403, "Forbidden" }, { 404, "Not Found" },
	{ 405, "Method Not Allowed" }, { 408, "Request Timeout" },
	{ 413, "Content Too Large" }, { 414, "URI Too Long" },
	{ 417, "Expectation Failed" }, { 429, "Too Many Requests" },
	{ 431, "Request Header Fields Too Large" },
	{ 500, "Internal Server Error" }, { 501, "Not Implemented" },
	{ 503, "Service Unavailable" }, { 505, "HTTP Version Not Supported" },
};

static const char *
reason_of(unsigned status)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "";
}

/* IMF-fixdate (RFC 9110 5.6.7) */
static void
write_date(struct buffer *out, int64_t wall)
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct tm tm;
	time_t seconds = (time_t)wall;
	if (gmtime_r(&seconds, &tm) == NULL)
		return;
	buffer_print(out, "Date: %.3s, %02d %.3s %04d %02d:%02d:%02d GMT\r\n",
		days + 3 * tm.tm_wday, tm.tm_mday, months + 3 * tm.tm_mon,
		tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static void
write_fields(struct buffer *out, const struct answer *answer)
{
	if (answer->type != NULL)
		buffer_print(out, "Content-Type: %s\r\n", answer->type);
	if (answer->file != NULL)
		buffer_print(out, "Content-Disposition: attachment; "
			"filename=\"%s\"\r\n", answer->file);
	if (answer->location != NULL)
		buffer_print(out, "Location: %s\r\n", answer->location);
	if (answer->allow != NULL)
		buffer_print(out, "Allow: %s\r\n", answer->allow);
	if (answer->status == 429 || answer->status == 503)
		buffer_add_string(out, "Retry-After: 60\r\n");
	if (answer->age > 0)
		buffer_print(out, "Cache-Control: max-age=%u\r\n",
			answer->age);
	else
		buffer_add_string(out, "Cache-Control: no-store\r\n");
	if (answer->is_strict)
		buffer_print(out, "Strict-Transport-Security: max-age=%d\r\n",
			STRICT_TIME);
	buffer_add_string(out, "Vary: Accept-Language, Accept\r\n"
		"X-Content-Type-Options: nosniff\r\n"
		"Referrer-Policy: no-referrer\r\n"
		"Content-Security-Policy: default-src 'none'; "
		"style-src 'unsafe-inline'; img-src data:; "
		"base-uri 'none'; form-action 'self'; frame-ancestors 'none'\r\n");
}

void
page_write(struct buffer *out, const struct answer *answer, bool is_head,
	bool is_persistent, int64_t wall)
{
	buffer_print(out, "HTTP/1.1 %u %s\r\n", answer->status,
		reason_of(answer->status));
	write_date(out, wall);
	write_fields(out, answer);
	buffer_print(out, "Content-Length: %zu\r\n%s\r\n", answer->body.size,
		is_persistent ? "" : "Connection: close\r\n");
	if (!is_head)
		buffer_add(out, buffer_span(&answer->body));
}

void
page_status(struct answer *answer, unsigned status)
{
	answer->status = status;
	answer->type = "text/plain; charset=utf-8";
	answer->location = answer->allow = answer->file = NULL;
	answer->age = 0;
	buffer_clear(&answer->body);
	buffer_print(&answer->body, "%u %s\n", status, reason_of(status));
}
