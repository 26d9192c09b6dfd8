/* See system_user.h. */
#include "proto/system_user.h"

bool
system_user_is_name(struct span name)
{
	if (name.size == 0 || name.size > SYSTEM_USER_NAME_LIMIT)
		return false;
	for (size_t i = 0; i < name.size; i++) {
		char c = span_lower_byte(name.data[i]);
		bool is_letter = (c >= 'a' && c <= 'z') || c == '_' ||
			(c >= '0' && c <= '9');
		if (!is_letter && (i == 0 || (c != '-' && c != '.')))
			return false;
	}
	return true;
}
