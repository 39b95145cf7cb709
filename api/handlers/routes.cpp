#include "api/handlers/routes.h"

#include "api/handlers/handlers.h"

namespace wobble::api {
namespace {

using H = Handlers;

/// What a route leads to: a function of one of the handlers.
template <auto Part, auto Function>
void to(Handlers& handlers, const Call& call, Response& response) {
  ((handlers.*Part).*Function)(call, response);
}

// clang-format off
constexpr Route kRoutes[] = {
  // method, path                                   handler                                                 query
  //   body           answer                        summary
  {"GET",   "/",                                    to<&H::page, &PageHandlers::index>,                     "",
     "",              200, "",                      "The web page"},
  {"GET",   "/healthz",                             to<&H::daemon, &DaemonHandlers::health>,                "",
     "",              200, "Health",                "Whether the engine and the journal are well; 503 if not"},
  {"GET",   "/metrics",                             to<&H::daemon, &DaemonHandlers::metrics>,               "",
     "",              200, "",                      "Figures in Prometheus' text format"},
  {"GET",   "/api/v1",                              to<&H::daemon, &DaemonHandlers::root>,                  "",
     "",              200, "Root",                  "Version, uptime, the newest event's id, and this list"},
  {"GET",   "/api/v1/openapi.json",                 to<&H::daemon, &DaemonHandlers::openapi>,               "",
     "",              200, "Any",                   "This description"},

  {"GET",   "/api/v1/schema/conditions",            to<&H::profiles, &ProfileHandlers::settings>,           "",
     "",              200, "Settings",              "Every setting that can be asked of a direction: units, range, default"},

  {"POST",  "/api/v1/session",                      to<&H::page, &PageHandlers::session>,                   "",
     "Session",       204, "",                      "The token, once, for a cookie: what the page does"},

  {"GET",   "/api/v1/links",                        to<&H::links, &LinkHandlers::list>,                     "",
     "",              200, "LinkList",              "All links"},
  {"GET",   "/api/v1/links/{link}",                 to<&H::links, &LinkHandlers::one>,                      "",
     "",              200, "Link",                  "One link: its sides and the conditions asked of it"},
  {"PUT",   "/api/v1/links/{link}",                 to<&H::changes, &ChangeHandlers::put>,                  "",
     "Conditions",    200, "Link",                  "Replace its conditions: what is absent is no impairment"},
  {"PATCH", "/api/v1/links/{link}",                 to<&H::changes, &ChangeHandlers::patch>,                "",
     "Conditions",    200, "Link",                  "Change some of its conditions; 200 means in effect"},
  {"GET",   "/api/v1/links/{link}/stats",           to<&H::links, &LinkHandlers::stats>,                    "",
     "",              200, "Stats",                 "What was asked, what was delivered, counters by reason"},
  {"POST",  "/api/v1/links",                        to<&H::links, &LinkHandlers::create>,                   "",
     "NewLink",       201, "Link",                  "Put a link in front of something: attach, loopback, gateway or run"},
  {"DELETE", "/api/v1/links/{link}",                to<&H::links, &LinkHandlers::remove>,                   "",
     "",              204, "",                      "Take it away, and put everything back that it changed"},
  {"POST",  "/api/v1/links/{link}/reset",           to<&H::changes, &ChangeHandlers::reset>,                "",
     "Nothing",       200, "Link",                  "Back to no impairment"},
  {"POST",  "/api/v1/links/{link}/revert",          to<&H::changes, &ChangeHandlers::revert>,               "",
     "Revert",        200, "Link",                  "Back to what was asked at an earlier revision"},
  {"DELETE", "/api/v1/links/{link}/temporary",      to<&H::changes, &ChangeHandlers::end_temporary>,        "",
     "",              200, "Link",                  "Let what was changed for a while come back now"},
  {"POST",  "/api/v1/links/{link}/apply",           to<&H::changes, &ChangeHandlers::apply_profile>,        "",
     "Apply",         200, "Link",                  "The conditions of a profile, in place of the present ones"},
  {"POST",  "/api/v1/reset",                        to<&H::changes, &ChangeHandlers::reset_all>,            "",
     "Nothing",       200, "LinkList",              "Every link back to no impairment"},

  {"GET",   "/api/v1/profiles",                     to<&H::profiles, &ProfileHandlers::list>,               "",
     "",              200, "ProfileList",           "The presets, slowest first, each with its source"},
  {"GET",   "/api/v1/profiles/{profile}",           to<&H::profiles, &ProfileHandlers::one>,                "",
     "",              200, "Profile",               "One preset"},

  {"GET",   "/api/v1/connections",                  to<&H::connections, &ConnectionHandlers::list>,         "link state port end closed_by protocol since limit cursor until address condition",
     "",              200, "ConnectionList",        "TCP connections, newest first"},
  {"GET",   "/api/v1/flows",                        to<&H::connections, &ConnectionHandlers::flows>,        "link port protocol since limit cursor",
     "",              200, "FlowList",              "What is not TCP, by endpoints, newest first"},
  {"GET",   "/api/v1/connections/{id}",             to<&H::connections, &ConnectionHandlers::one>,          "",
     "",              200, "Connection",            "One connection: summary, figures, and the conditions while it lived"},
  {"GET",   "/api/v1/connections/{id}/transitions", to<&H::connections, &ConnectionHandlers::transitions>,  "",
     "",              200, "TransitionList",        "Its state changes on both sides, oldest first"},
  {"GET",   "/api/v1/connections/{id}/segments",    to<&H::connections, &ConnectionHandlers::segments>,     "",
     "",              200, "SegmentList",           "Its segments that were kept, oldest first"},
  {"POST",  "/api/v1/connections/{id}/follow",      to<&H::connections, &ConnectionHandlers::follow>,       "",
     "Nothing",       204, "",                      "From now on keep every segment of it"},

  {"GET",   "/api/v1/events",                       to<&H::events, &EventHandlers::events>,                 "since link kind limit",
     "",              200, "EventList",             "What happened, oldest first; a live stream with Accept: text/event-stream"},
  {"POST",  "/api/v1/annotations",                  to<&H::events, &EventHandlers::annotate>,               "",
     "Annotation",    201, "Event",                 "Write a line into the log"},

  {"GET",   "/api/v1/links/{link}/capture",         to<&H::captures, &CaptureHandlers::capture>,            "for packets snaplen port",
     "",              200, "",                      "Its packets as they pass, with what was done to each: a stream of pcapng"},

  {"GET",   "/{file}",                              to<&H::page, &PageHandlers::file>,                      "",
     "",              200, "",                      "A file of the web page"},
};
// clang-format on

}  // namespace

std::span<const Route> routes() { return kRoutes; }

}  // namespace wobble::api
