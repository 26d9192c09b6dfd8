#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int
error_set(struct error *error, enum error_code code, const char *format, ...)
{
	va_list list;
	va_start(list, format);
	vsnprintf(error->text, sizeof(error->text), format, list);
	va_end(list);
	error->code = code;
	error->number = 0;
	return -1;
}

static enum error_code
code_of_errno(int number)
{
	switch (number) {
	case ENOSPC:
	case EDQUOT:
		return ERROR_FULL;
	case ENOENT:
		return ERROR_GONE;
	case EEXIST:
		return ERROR_EXISTS;
	default:
		return ERROR_SYSTEM;
	}
}

int
error_set_errno(struct error *error, const char *format, ...)
{
	int number = errno;
	char reason[100];
	va_list list;
	va_start(list, format);
	int size = vsnprintf(error->text, sizeof(error->text), format, list);
	va_end(list);
	const char *text = strerror_r(number, reason, sizeof(reason));
	if (size >= 0 && (size_t)size < sizeof(error->text))
		snprintf(error->text + size, sizeof(error->text) - (size_t)size,
			": %s", text);
	error->code = code_of_errno(number);
	error->number = number;
	return -1;
}

int
error_wrap(struct error *error, const char *format, ...)
{
	char inner[sizeof(error->text)];
	va_list list;
	memcpy(inner, error->text, sizeof(inner));
	va_start(list, format);
	int size = vsnprintf(error->text, sizeof(error->text), format, list);
	va_end(list);
	if (size >= 0 && (size_t)size < sizeof(error->text))
		snprintf(error->text + size, sizeof(error->text) - (size_t)size,
			": %s", inner);
	return -1;
}
