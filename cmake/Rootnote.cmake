# The four functions that the folders' CMakeLists.txt are written with. Sources are listed, never globbed.
# NAME is short: rootnote_library(rules …) makes the target rootnote_rules, also known as rootnote::rules.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()

find_program(ROOTNOTE_CCACHE ccache)
if(ROOTNOTE_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Precompiled headers need the sloppiness; without the hash of the directory, build trees share their objects.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      env "CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime"
      CCACHE_NOHASHDIR=true "${ROOTNOTE_CCACHE}")
endif()

if(ROOTNOTE_ASSERTS)
  foreach(type RELEASE RELWITHDEBINFO MINSIZEREL)
    string(REPLACE "-DNDEBUG" "" CMAKE_CXX_FLAGS_${type} "${CMAKE_CXX_FLAGS_${type}}")
  endforeach()
  add_compile_definitions(ROOTNOTE_ASSERTS=1)
endif()
set(ROOTNOTE_LAUNCHER "")
if(ROOTNOTE_SANITIZE)
  # GCC 12's ThreadSanitizer cannot map its shadow where the kernel randomises addresses with more than 28 bits.
  if(ROOTNOTE_SANITIZE MATCHES thread AND EXISTS /proc/sys/vm/mmap_rnd_bits)
    file(READ /proc/sys/vm/mmap_rnd_bits bits)
    if(bits GREATER 28)
      set(ROOTNOTE_LAUNCHER setarch -R)
    endif()
  endif()
  # GCC's documentation: with sanitizers it warns falsely of what may be uninitialised.
  add_compile_options(-fsanitize=${ROOTNOTE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer
                      $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  add_link_options(-fsanitize=${ROOTNOTE_SANITIZE})
endif()

# One place for what every target of ours gets: warnings, and includes from the root of the repository.
function(rootnote_common target)
  # Designated initialisers leave fields out on purpose.
  target_compile_options(${target} PRIVATE
    -Wall -Wextra -Wshadow -Wconversion -Wnon-virtual-dtor -Wno-missing-field-initializers
    -pthread)  # for all, as some libraries ask for it: precompiled headers want one set of macros
  target_compile_definitions(${target} PRIVATE ROOTNOTE_VERSION="${PROJECT_VERSION}")
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}")
endfunction()

# The slow headers, compiled once: for all test binaries, and with ROOTNOTE_PCH for everything. That hides an include
# that is missing in a .cc, so at least one tree must build without.
function(rootnote_make_pch)
  file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/pch.cc" CONTENT "")
  add_library(rootnote_pch OBJECT "${PROJECT_BINARY_DIR}/pch.cc")
  rootnote_common(rootnote_pch)
  target_link_libraries(rootnote_pch PRIVATE dep::gtest dep::absl)
  target_precompile_headers(rootnote_pch PRIVATE
    <gmock/gmock.h> <gtest/gtest.h> <absl/container/flat_hash_map.h> <absl/status/statusor.h>)
endfunction()

function(rootnote_use_pch target)
  if(ROOTNOTE_PCH)
    target_compile_definitions(${target} PRIVATE GTEST_HAS_PTHREAD=1)  # as gtest's own targets do
    target_precompile_headers(${target} REUSE_FROM rootnote_pch)
  endif()
endfunction()

# rootnote_library(NAME SRCS … DEPS … PRIVATE_DEPS …). Without sources: headers only.
function(rootnote_library name)
  cmake_parse_arguments(ARG "" "" "SRCS;DEPS;PRIVATE_DEPS" ${ARGN})
  if(ARG_SRCS)
    add_library(rootnote_${name} STATIC ${ARG_SRCS})
    rootnote_common(rootnote_${name})
    rootnote_use_pch(rootnote_${name})
    target_link_libraries(rootnote_${name} PUBLIC ${ARG_DEPS} PRIVATE ${ARG_PRIVATE_DEPS})
  else()
    add_library(rootnote_${name} INTERFACE)
    target_link_libraries(rootnote_${name} INTERFACE ${ARG_DEPS} ${ARG_PRIVATE_DEPS})
  endif()
  add_library(rootnote::${name} ALIAS rootnote_${name})
endfunction()

# rootnote_executable(NAME SRCS … DEPS …): the target and the file NAME, in the top of the build tree.
function(rootnote_executable name)
  cmake_parse_arguments(ARG "" "" "SRCS;DEPS;PRIVATE_DEPS" ${ARGN})
  if(NOT ARG_SRCS)
    return()
  endif()
  add_executable(${name} ${ARG_SRCS})
  rootnote_common(${name})
  rootnote_use_pch(${name})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} ${ARG_PRIVATE_DEPS})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}")
endfunction()

# rootnote_ctest(NAME LABELS … TIMEOUT n COMMAND …): a ctest test, run in the root of the repository. Without the label
# `fast` it is left out where ROOTNOTE_FAST_ONLY is on.
function(rootnote_ctest name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "LABELS;COMMAND" ${ARGN})
  if(NOT ARG_LABELS)
    set(ARG_LABELS fast)
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  if(ROOTNOTE_FAST_ONLY AND NOT "fast" IN_LIST ARG_LABELS)
    return()
  endif()
  set(test "${ROOTNOTE_TEST_PREFIX}${name}")
  list(POP_FRONT ARG_COMMAND program)
  if(TARGET ${program})
    set(program "$<TARGET_FILE:${program}>")
  endif()
  add_test(NAME ${test} COMMAND ${ROOTNOTE_LAUNCHER} ${program} ${ARG_COMMAND} WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
  set(tests "${PROJECT_SOURCE_DIR}/tests")
  set_tests_properties(${test} PROPERTIES
    LABELS "${ARG_LABELS}"
    TIMEOUT ${ARG_TIMEOUT}
    ENVIRONMENT "ROOTNOTE_SOURCE_DIR=${PROJECT_SOURCE_DIR};ROOTNOTE_BINARY=${PROJECT_BINARY_DIR}/rootnote;\
TSAN_OPTIONS=suppressions=${tests}/tsan.supp:halt_on_error=1:second_deadlock_stack=1;\
LSAN_OPTIONS=suppressions=${tests}/lsan.supp:print_suppressions=0;\
ASAN_OPTIONS=strict_string_checks=1:detect_stack_use_after_return=1;\
UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1")
endfunction()

# rootnote_test(NAME SRCS … DEPS … [LABELS fast|slow|kafka …] [TIMEOUT n]): one binary NAME_test with gtest's main, one
# ctest test. The label is `fast` unless given. It finds the repository as its working directory, and the binary
# `rootnote` of the same build in $ROOTNOTE_BINARY.
function(rootnote_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SRCS;DEPS;PRIVATE_DEPS;LABELS" ${ARGN})
  if(NOT ARG_SRCS OR (ROOTNOTE_FAST_ONLY AND ARG_LABELS AND NOT "fast" IN_LIST ARG_LABELS))
    return()
  endif()
  add_executable(${name}_test ${ARG_SRCS})
  rootnote_common(${name}_test)
  target_link_libraries(${name}_test PRIVATE ${ARG_DEPS} ${ARG_PRIVATE_DEPS} dep::gtest dep::gtest_main dep::absl)
  target_precompile_headers(${name}_test REUSE_FROM rootnote_pch)
  set_target_properties(${name}_test PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests")
  rootnote_ctest(${name} COMMAND ${name}_test LABELS ${ARG_LABELS} TIMEOUT ${ARG_TIMEOUT})
endfunction()

# rootnote_bench(NAME SRCS … DEPS …): a benchmark bench/NAME_bench on Google Benchmark. Its own main() wins over
# the library's.
function(rootnote_bench name)
  cmake_parse_arguments(ARG "" "" "SRCS;DEPS;PRIVATE_DEPS" ${ARGN})
  if(NOT ARG_SRCS)
    return()
  endif()
  add_executable(${name}_bench ${ARG_SRCS})
  rootnote_common(${name}_bench)
  target_link_libraries(${name}_bench PRIVATE ${ARG_DEPS} ${ARG_PRIVATE_DEPS} dep::benchmark)
  set_target_properties(${name}_bench PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bench")
endfunction()
