#include "engine/cli/completion_script.h"

#include "fmt/format.h"

namespace rootnote {
namespace {

// In single quotes for a shell.
std::string Quoted(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string Names(const CommandWords& command) {
  std::string names;
  for (const OptionWords& option : command.options) {
    for (const std::string& name : option.names) names += (names.empty() ? "" : " ") + name;
  }
  return names;
}

std::string BashScript(const std::vector<CommandWords>& commands) {
  std::string all, values, words;
  for (const CommandWords& command : commands) {
    all += (all.empty() ? "" : " ") + command.name;
    words += fmt::format("    {}) words={} ;;\n", command.name, Quoted(Names(command)));
    for (const OptionWords& option : command.options) {
      if (!option.takes_value) continue;
      const std::string choice = fmt::format("{}", fmt::join(option.values, " "));
      for (const std::string& name : option.names) {
        values += choice.empty()
                      ? fmt::format("    {}) return ;;\n", Quoted(command.name + " " + name))
                      : fmt::format("    {}) COMPREPLY=($(compgen -W {} -- \"$cur\")); return ;;\n",
                                    Quoted(command.name + " " + name), Quoted(choice));
      }
      if (option.names.empty() && !choice.empty()) {
        words += fmt::format("    {}:plain) words={} ;;\n", command.name, Quoted(choice));
      }
    }
  }
  // Without an answer of ours the shell completes paths (-o default).
  return fmt::format(
      "# rootnote completion bash: source it, or put it into bash_completion.d.\n"
      "_rootnote() {{\n"
      "  local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD-1]}} command= words= "
      "word\n"
      "  COMPREPLY=()\n"
      "  for word in \"${{COMP_WORDS[@]:1:COMP_CWORD-1}}\"; do\n"
      "    case $word in\n"
      "      -*) ;;\n"
      "      *) command=$word; break ;;\n"
      "    esac\n"
      "  done\n"
      "  if [[ -z $command ]]; then\n"
      "    COMPREPLY=($(compgen -W {} -- \"$cur\"))\n"
      "    return\n"
      "  fi\n"
      "  case \"$command $prev\" in\n{}    *) ;;\n  esac\n"
      "  [[ $cur != -* ]] && command=$command:plain\n"
      "  case $command in\n{}    *) return ;;\n  esac\n"
      "  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
      "}}\n"
      "complete -o default -F _rootnote rootnote\n",
      Quoted(all + " --help --version"), values, words);
}

std::string ZshScript(const std::vector<CommandWords>& commands) {
  // What _arguments gives a meaning of its own.
  const auto plain = [](std::string_view text) {
    std::string escaped;
    for (const char c : text) {
      if (c == '[' || c == ']' || c == ':' || c == '\\') escaped += '\\';
      escaped += c;
    }
    return escaped;
  };
  std::string described, cases;
  for (const CommandWords& command : commands) {
    described += fmt::format("    {}\n", Quoted(command.name + ":" + plain(command.help)));
    cases += fmt::format("    {})\n      _arguments", command.name);
    for (const OptionWords& option : command.options) {
      const std::string value = !option.takes_value ? ""
                                : option.values.empty()
                                    ? ":value:_files"
                                    : fmt::format(":value:({})", fmt::join(option.values, " "));
      for (const std::string& name : option.names) {
        cases += " \\\n        " + Quoted(fmt::format("{}[{}]{}", name, plain(option.help), value));
      }
      if (option.names.empty()) cases += " \\\n        " + Quoted("*" + value);
    }
    cases += "\n      ;;\n";
  }
  return fmt::format(
      "#compdef rootnote\n"
      "_rootnote() {{\n"
      "  local -a commands\n"
      "  commands=(\n{}  )\n"
      "  if (( CURRENT == 2 )); then\n"
      "    _describe command commands\n"
      "    return\n"
      "  fi\n"
      "  local command=$words[2]\n"
      "  shift words\n"
      "  (( CURRENT-- ))\n"
      "  case $command in\n{}  esac\n"
      "}}\n"
      "if [[ $funcstack[1] == _rootnote ]]; then _rootnote \"$@\"; else compdef _rootnote "
      "rootnote; fi\n",
      described, cases);
}

std::string FishScript(const std::vector<CommandWords>& commands) {
  std::string script = "# rootnote completion fish: put it into ~/.config/fish/completions.\n";
  for (const CommandWords& command : commands) {
    script += fmt::format("complete -c rootnote -n __fish_use_subcommand -xa {} -d {}\n",
                          command.name, Quoted(command.help));
    const std::string when = Quoted("__fish_seen_subcommand_from " + command.name);
    for (const OptionWords& option : command.options) {
      std::string line = fmt::format("complete -c rootnote -n {}", when);
      for (const std::string& name : option.names) {
        line += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
      }
      if (option.names.empty() && option.values.empty()) continue;
      if (!option.values.empty()) {
        line += " -xa " + Quoted(fmt::format("{}", fmt::join(option.values, " ")));
      } else if (option.takes_value) {
        line += " -r";
      }
      script += fmt::format("{} -d {}\n", line, Quoted(option.help));
    }
  }
  return script;
}

}  // namespace

std::string CompletionScript(std::string_view shell, const std::vector<CommandWords>& commands) {
  if (shell == "zsh") return ZshScript(commands);
  if (shell == "fish") return FishScript(commands);
  return BashScript(commands);
}

}  // namespace rootnote
