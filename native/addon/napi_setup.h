// The one include of napi.h, with the settings that all of the addon shares.
#pragma once

#ifndef NAPI_VERSION
#define NAPI_VERSION 9
#endif
// Every std::exception becomes a JavaScript error at the border, not only Napi::Error.
#define NODE_ADDON_API_CPP_EXCEPTIONS_ALL
// In an environment that is being torn down JavaScript takes no more exceptions: drop them instead
// of aborting.
#define NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS
#include <napi.h>
