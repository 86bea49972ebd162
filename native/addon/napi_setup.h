// The one include of napi.h, with the settings that all of the addon shares.
#pragma once

#ifndef NAPI_VERSION
#define NAPI_VERSION 9
#endif
// Every std::exception becomes a JavaScript error at the border, not only Napi::Error.
#define NODE_ADDON_API_CPP_EXCEPTIONS_ALL
#include <napi.h>
