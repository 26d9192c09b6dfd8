#include "base/clock.h"

#include <limits.h>
#include <stdio.h>
#include <time.h>

static int64_t
milliseconds_of(clockid_t id)
{
	struct timespec now;
	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t
clock_monotonic(void)
{
	return milliseconds_of(CLOCK_MONOTONIC);
}

int64_t
clock_microseconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t
clock_wall(void)
{
	return milliseconds_of(CLOCK_REALTIME);
}

int
clock_until(int64_t deadline)
{
	int64_t left = deadline - clock_monotonic();
	if (left <= 0)
		return 0;
	return left > INT_MAX ? INT_MAX : (int)left;
}

void
clock_format_iso(int64_t wall, char out[25])
{
	struct tm tm;
	time_t seconds = (time_t)(wall / 1000);
	gmtime_r(&seconds, &tm);
	snprintf(out, 25, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
		(unsigned)(tm.tm_year + 1900) % 10000,
		(unsigned)(tm.tm_mon + 1) % 100, (unsigned)tm.tm_mday % 100,
		(unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100,
		(unsigned)tm.tm_sec % 100, (unsigned)(wall % 1000));
}
