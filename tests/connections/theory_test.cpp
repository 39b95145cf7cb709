// The theory of operation and the table that works by it say the same: each row in its place, with its number, name,
// evidence, segments, states and sentence.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "emulator/connections/tcp/rule_text.h"
#include "emulator/connections/tcp/transition_table.h"

namespace {

using namespace wobble;

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

std::string segments_of(KindSet kinds) {
  const std::pair<SegmentKind, const char*> names[] = {{SegmentKind::syn, "SYN"},
                                                       {SegmentKind::syn_ack, "SYN-ACK"},
                                                       {SegmentKind::rst, "RST"},
                                                       {SegmentKind::fin, "FIN"},
                                                       {SegmentKind::ack, "ACK"},
                                                       {SegmentKind::icmp_refused, "ICMP refused"},
                                                       {SegmentKind::icmp_unreachable, "ICMP unreachable"}};
  std::vector<std::string> words;
  for (const auto& [kind, name] : names) {
    if ((kinds & bit(kind)) != 0) words.emplace_back(name);
  }
  return joined(words);
}

StateSet set_of(std::initializer_list<TcpState> states) {
  StateSet set = 0;
  for (const TcpState state : states) set |= bit(state);
  return set;
}

std::string states_of(StateSet states) {
  using enum TcpState;
  if (states == (1 << kTcpStateCount) - 1) return "any";
  std::vector<std::string> words;
  const StateSet fin_sent = set_of({fin_wait_1, fin_wait_2, closing, last_ack, time_wait});
  const StateSet open = set_of({syn_received, established, fin_wait_1, fin_wait_2, close_wait, closing, last_ack});
  if (states == fin_sent) return "FIN sent";
  if ((states & open) == open) {
    words.emplace_back("open");
    states = static_cast<StateSet>(states & ~open);
  }
  for (std::size_t i = 0; i < kTcpStateCount; ++i) {
    if ((states >> i & 1) != 0) words.emplace_back(to_string(static_cast<TcpState>(i)));
  }
  return joined(words);
}

std::string after_of(Target target) {
  if (target == Target::same) return "same";
  if (target == Target::before_closed) return "as before it closed";
  if (target == Target::before_fin) return "as before its FIN";
  return to_string(static_cast<TcpState>(target));
}

std::string line_of(const Row& row) {
  std::ostringstream out;
  out << "| " << static_cast<int>(row.rule) << " | `" << name_of(row.rule) << "` | " << to_string(row.evidence) << " | "
      << segments_of(row.kinds) << " | " << states_of(row.from) << " | " << after_of(row.to) << " | "
      << (row.stop ? "stop" : "") << " | " << row.text << " | ";
  return out.str();
}

/// The rows of the tables below a heading: the lines that begin with a number.
std::vector<std::string> lines_below(const std::string& heading) {
  std::ifstream file(WOBBLE_THEORY);
  EXPECT_TRUE(file.is_open()) << WOBBLE_THEORY;
  std::vector<std::string> lines;
  bool is_there = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("#")) is_there = line.ends_with("# " + heading);
    if (is_there && line.size() > 2 && std::isdigit(static_cast<unsigned char>(line[2])) != 0) lines.push_back(line);
  }
  return lines;
}

void expect_same(std::span<const Row> rows, const std::string& heading) {
  const std::vector<std::string> lines = lines_below(heading);
  ASSERT_EQ(lines.size(), rows.size()) << heading;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string line = line_of(rows[i]);
    EXPECT_EQ(lines[i].substr(0, line.size()), line);
    EXPECT_TRUE(lines[i].ends_with("|")) << lines[i];
    if (rows[i].when != nullptr) {
      EXPECT_GT(lines[i].size(), line.size() + 5) << "when it applies is not said: " << line;
    }
  }
}

TEST(Theory, AndTableSayTheSameOfWhatIsSent) { expect_same(sent_rows(), "When X sent it"); }
TEST(Theory, AndTableSayTheSameOfWhatIsDelivered) { expect_same(delivered_rows(), "When it was delivered to X"); }

TEST(Theory, AndCodeSayTheSameOfWhatIsInNeitherList) {
  const std::vector<std::string> lines = lines_below("Beside the lists");
  EXPECT_GE(lines.size(), 7u);
  for (const std::string& line : lines) {
    std::vector<std::string> cells;
    std::istringstream in(line);
    for (std::string cell; std::getline(in, cell, '|');) {
      const std::size_t begin = cell.find_first_not_of(" `"), end = cell.find_last_not_of(" `");
      cells.push_back(begin == std::string::npos ? "" : cell.substr(begin, end - begin + 1));
    }
    ASSERT_EQ(cells.size(), 5u) << line;
    const auto rule = static_cast<Rule>(std::stoi(cells[1]));
    EXPECT_EQ(cells[2], name_of(rule)) << line;
    bool is_said = false;
    for (const Evidence evidence :
         {Evidence::sent, Evidence::delivered, Evidence::timer, Evidence::correction, Evidence::implied}) {
      if (cells[3] != to_string(evidence)) continue;
      EXPECT_EQ(cells[4], sentence_of(rule, evidence)) << line;
      is_said = true;
    }
    EXPECT_TRUE(is_said) << line;
  }
}

// What the log keeps is the number and the evidence: they must be enough to say what happened.
TEST(Theory, ARowAndItsEvidenceSayOneThing) {
  std::map<std::pair<Rule, Evidence>, std::set<std::string>> said;
  for (const std::span<const Row> rows : {sent_rows(), delivered_rows()}) {
    for (const Row& row : rows) said[{row.rule, row.evidence}].insert(row.text);
  }
  for (const auto& [row, sentences] : said) EXPECT_EQ(sentences.size(), 1u) << name_of(row.first);
}

TEST(Theory, EveryRuleHasANameOfItsOwn) {
  std::set<std::string> names;
  for (int i = 0; i <= kLastRule; ++i) {
    const auto rule = static_cast<Rule>(i);
    EXPECT_TRUE(names.insert(name_of(rule)).second) << name_of(rule);
    Rule parsed{};
    EXPECT_TRUE(parse_rule(name_of(rule), parsed));
    EXPECT_EQ(parsed, rule);
  }
  EXPECT_STREQ(name_of(static_cast<Rule>(kLastRule + 1)), "");
  EXPECT_STREQ(sentence_of(static_cast<Rule>(kLastRule + 1), Evidence::sent), "");
}

}  // namespace
