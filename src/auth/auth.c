#include "auth/auth.h"

struct auth auth;
