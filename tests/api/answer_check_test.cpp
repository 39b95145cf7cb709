// The check itself: what it lets through, and what not. Else the other tests would prove nothing.
#include "tests/api/answer_check.h"

#include <gmock/gmock.h>

#include <set>

#include "api/handlers/openapi.h"
#include "api/handlers/openapi_schemas.h"
#include "tests/api/server_fixture.h"

namespace wobble::api {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const json& document() {
  static const json all = openapi_document("1.2.3");
  return all;
}

json schema(const char* name) { return {{"$ref", "#/components/schemas/" + std::string(name)}}; }

const json kProblem = json::parse(R"({"title":"Not Found","status":404,"detail":"x","error":"x","errors":[]})");

TEST(AnswerCheck, WhatIsDescribedIsRight) {
  EXPECT_THAT(differences(kProblem, schema("Problem"), document()), IsEmpty());
  EXPECT_THAT(differences({"GET", "/api/v1/links/x?y", 404, "application/problem+json", kProblem.dump()}, document()),
              IsEmpty());
}

TEST(AnswerCheck, WhatIsMissingOrTooMuchOrOfAnotherKindIsFound) {
  json lacking = kProblem, more = kProblem, other = kProblem, deep = kProblem;
  lacking.erase("detail");
  more["extra"] = 1;
  other["status"] = "404";
  deep["errors"] = {{{"pointer", "/x"}}};
  EXPECT_THAT(differences(lacking, schema("Problem"), document()), ElementsAre(HasSubstr("lacks \"detail\"")));
  EXPECT_THAT(differences(more, schema("Problem"), document()), ElementsAre(HasSubstr("not described: extra")));
  EXPECT_THAT(differences(other, schema("Problem"), document()), ElementsAre(HasSubstr("/status breaks type")));
  EXPECT_THAT(differences(deep, schema("Problem"), document()), ElementsAre(HasSubstr("/errors/0 lacks \"detail\"")));
  EXPECT_THAT(differences("2026-11-22T09:05:57Z", schema("Time"), document()), Not(IsEmpty()));
  EXPECT_THAT(differences("no such fate", schema("Fate"), document()), Not(IsEmpty()));
}

TEST(AnswerCheck, AnAnswerIsHeldAgainstItsPathStatusAndType) {
  const std::string body = kProblem.dump();
  EXPECT_THAT(differences({"GET", "/api/v1/links", 200, "application/json", body}, document()), Not(IsEmpty()));
  EXPECT_THAT(differences({"GET", "/api/v1/links", 201, "application/json", R"({"items":[],"next":null})"}, document()),
              ElementsAre(HasSubstr("this status is not described")));
  EXPECT_THAT(differences({"GET", "/api/v1/links", 200, "text/html", "<html>"}, document()),
              ElementsAre(HasSubstr("the type text/html is not described")));
  EXPECT_THAT(differences({"DELETE", "/api/v1/links/x", 204, "text/plain", "done"}, document()),
              ElementsAre(HasSubstr("a body, where none is described")));
  EXPECT_THAT(differences({"GET", "/api/v1/links", 200, "application/json", "{"}, document()),
              ElementsAre(HasSubstr("is not JSON")));
}

TEST(AnswerCheck, EveryAnswerSaysWhatItMustHaveAndHasNothingElse) {
  const json all = openapi_schemas();
  EXPECT_FALSE(all.at("Link").contains("required")) << "written once, for all of them";
  for (const char* name : {"Link", "Stats", "Connection", "Event", "Root", "WayIn", "Profile"}) {
    const json& described = document().at("components").at("schemas").at(name);
    EXPECT_EQ(described.at("additionalProperties"), false) << name;
    EXPECT_FALSE(described.at("required").empty()) << name;
    EXPECT_FALSE(described.contains("x-optional")) << name;
  }
}

/// What the API is: by hand, so that neither the routes nor their description can change unseen.
const std::set<std::string> kContract = {
    "GET /",
    "GET /healthz",
    "GET /metrics",
    "GET /{file}",
    "GET /api/v1",
    "GET /api/v1/openapi.json",
    "GET /api/v1/schema/conditions",
    "GET /api/v1/links",
    "POST /api/v1/links",
    "GET /api/v1/links/{link}",
    "PUT /api/v1/links/{link}",
    "PATCH /api/v1/links/{link}",
    "DELETE /api/v1/links/{link}",
    "GET /api/v1/links/{link}/stats",
    "GET /api/v1/links/{link}/capture",
    "POST /api/v1/links/{link}/apply",
    "POST /api/v1/links/{link}/reset",
    "POST /api/v1/links/{link}/revert",
    "DELETE /api/v1/links/{link}/temporary",
    "POST /api/v1/reset",
    "POST /api/v1/session",
    "GET /api/v1/profiles",
    "GET /api/v1/profiles/{profile}",
    "GET /api/v1/connections",
    "GET /api/v1/connections/{id}",
    "GET /api/v1/connections/{id}/transitions",
    "GET /api/v1/connections/{id}/segments",
    "POST /api/v1/connections/{id}/follow",
    "GET /api/v1/flows",
    "GET /api/v1/events",
    "POST /api/v1/annotations",
};

TEST(Contract, IsWhatIsDescribed) {
  std::set<std::string> described;
  for (const auto& [path, operations] : document().at("paths").items()) {
    for (const auto& [method, operation] : operations.items()) {
      std::string upper = method;
      for (char& c : upper) c = static_cast<char>(std::toupper(c));
      described.insert(upper + " " + path);
    }
  }
  EXPECT_EQ(described, kContract);
}

class ContractTest : public ServerTest {};

TEST_F(ContractTest, EverySettingIsDescribedAsItIsAsked) {
  const json impairments = get("/api/v1/schema/conditions").at("impairments");
  const json properties = get("/api/v1/openapi.json").at("components").at("schemas").at("Direction").at("properties");
  EXPECT_EQ(impairments.size() + 1, properties.size()) << "all but netem's words";
  for (const json& impairment : impairments) {
    const json& described = properties.at(impairment.at("name").get<std::string>()).at("properties");
    for (const json& setting : impairment.at("settings")) {
      EXPECT_TRUE(described.contains(setting.at("name").get<std::string>())) << impairment.at("name") << setting;
      EXPECT_FALSE(setting.at("kind").get<std::string>().empty());
    }
  }
}

TEST_F(ContractTest, IsWhatTheServerAllows) {
  std::map<std::string, std::set<std::string>> methods;
  for (const std::string& operation : kContract) {
    const std::size_t space = operation.find(' ');
    methods[operation.substr(space + 1)].insert(operation.substr(0, space));
  }
  for (const auto& [path, expected] : methods) {
    std::string filled = path;
    for (std::size_t at; (at = filled.find('{')) != std::string::npos;) {
      filled.replace(at, filled.find('}') - at + 1, "17");
    }
    const auto result = client().Options(filled);
    ASSERT_TRUE(result) << path;
    EXPECT_EQ(result->status, 204) << path;
    std::set<std::string> allowed;
    std::stringstream list(result->get_header_value("Allow"));
    for (std::string method; std::getline(list >> std::ws, method, ',');) {
      if (method != "HEAD") allowed.insert(method);
    }
    EXPECT_EQ(allowed, expected) << path;
  }
}

}  // namespace
}  // namespace wobble::api
