#include "api/handlers/routes.h"

#include "api/handlers/handlers.h"

namespace wobble::api {
namespace {

using H = Handlers;

// clang-format off
constexpr Route kRoutes[] = {
  // method, path                                   handler                query
  //   body           answer                        summary
  {"GET",   "/",                                    &H::page,              "",
     "",              200, "",                      "The web page"},
  {"GET",   "/healthz",                             &H::health,            "",
     "",              200, "Health",                "Whether the engine and the journal are well; 503 if not"},
  {"GET",   "/metrics",                             &H::metrics,           "",
     "",              200, "",                      "Figures in Prometheus' text format"},
  {"GET",   "/api/v1",                              &H::root,              "",
     "",              200, "Root",                  "Version, uptime, the newest event's id, and this list"},
  {"GET",   "/api/v1/openapi.json",                 &H::openapi,           "",
     "",              200, "Any",                   "This description"},

  {"GET",   "/api/v1/schema/conditions",            &H::settings,          "",
     "",              200, "Settings",              "Every setting that can be asked of a direction: units, range, default"},

  {"POST",  "/api/v1/session",                      &H::session,           "",
     "Session",       204, "",                      "The token, once, for a cookie: what the page does"},

  {"GET",   "/api/v1/links",                        &H::links,             "",
     "",              200, "LinkList",              "All links"},
  {"GET",   "/api/v1/links/{link}",                 &H::link,              "",
     "",              200, "Link",                  "One link: its sides and the conditions asked of it"},
  {"PUT",   "/api/v1/links/{link}",                 &H::put_link,          "",
     "Conditions",    200, "Link",                  "Replace its conditions: what is absent is no impairment"},
  {"PATCH", "/api/v1/links/{link}",                 &H::patch_link,        "",
     "Conditions",    200, "Link",                  "Change some of its conditions; 200 means in effect"},
  {"GET",   "/api/v1/links/{link}/stats",           &H::stats,             "",
     "",              200, "Stats",                 "What was asked, what was delivered, counters by reason"},
  {"POST",  "/api/v1/links",                        &H::create_link,       "",
     "NewLink",       201, "Link",                  "Put a link in front of something: attach, loopback, gateway or run"},
  {"DELETE", "/api/v1/links/{link}",                &H::remove_link,       "",
     "",              204, "",                      "Take it away, and put everything back that it changed"},
  {"POST",  "/api/v1/links/{link}/reset",           &H::reset_link,        "",
     "Nothing",       200, "Link",                  "Back to no impairment"},
  {"POST",  "/api/v1/links/{link}/revert",          &H::revert_link,       "",
     "Revert",        200, "Link",                  "Back to what was asked at an earlier revision"},
  {"DELETE", "/api/v1/links/{link}/temporary",      &H::end_temporary,     "",
     "",              200, "Link",                  "Let what was changed for a while come back now"},
  {"POST",  "/api/v1/links/{link}/apply",           &H::apply_profile,     "",
     "Apply",         200, "Link",                  "The conditions of a profile, in place of the present ones"},
  {"POST",  "/api/v1/reset",                        &H::reset_all,         "",
     "Nothing",       200, "LinkList",              "Every link back to no impairment"},

  {"GET",   "/api/v1/profiles",                     &H::profiles,          "",
     "",              200, "ProfileList",           "The presets, slowest first, each with its source"},
  {"GET",   "/api/v1/profiles/{profile}",           &H::profile,           "",
     "",              200, "Profile",               "One preset"},

  {"GET",   "/api/v1/connections",                  &H::connections,       "link state port end closed_by protocol since limit cursor until address condition",
     "",              200, "ConnectionList",        "TCP connections, newest first"},
  {"GET",   "/api/v1/flows",                        &H::flows,             "link port protocol since limit cursor",
     "",              200, "FlowList",              "What is not TCP, by endpoints, newest first"},
  {"GET",   "/api/v1/connections/{id}",             &H::connection,        "",
     "",              200, "Connection",            "One connection: summary, figures, and the conditions while it lived"},
  {"GET",   "/api/v1/connections/{id}/transitions", &H::transitions,       "",
     "",              200, "TransitionList",        "Its state changes on both sides, oldest first"},
  {"GET",   "/api/v1/connections/{id}/segments",    &H::segments,          "",
     "",              200, "SegmentList",           "Its segments that were kept, oldest first"},
  {"POST",  "/api/v1/connections/{id}/follow",      &H::follow,            "",
     "Nothing",       204, "",                      "From now on keep every segment of it"},

  {"GET",   "/api/v1/events",                       &H::events,            "since link kind limit",
     "",              200, "EventList",             "What happened, oldest first; a live stream with Accept: text/event-stream"},
  {"POST",  "/api/v1/annotations",                  &H::annotate,          "",
     "Annotation",    201, "Event",                 "Write a line into the log"},

  {"GET",   "/api/v1/links/{link}/capture",         &H::capture,           "for packets snaplen port",
     "",              200, "",                      "Its packets as they pass, with what was done to each: a stream of pcapng"},

  {"GET",   "/{file}",                              &H::page_file,         "",
     "",              200, "",                      "A file of the web page"},
};
// clang-format on

}  // namespace

std::span<const Route> routes() { return kRoutes; }

}  // namespace wobble::api
