# The build's own vocabulary: carrel_component(), carrel_program(), carrel_test().

execute_process(
  COMMAND /usr/bin/python3 ${PROJECT_SOURCE_DIR}/cmake/layers.py ${PROJECT_SOURCE_DIR}/scripts/layers.toml
  OUTPUT_VARIABLE carrel_layers_text RESULT_VARIABLE carrel_layers_rc ERROR_VARIABLE carrel_layers_error)
if(NOT carrel_layers_rc EQUAL 0)
  message(FATAL_ERROR "scripts/layers.toml: ${carrel_layers_error}")
endif()
file(WRITE ${PROJECT_BINARY_DIR}/layers.cmake "${carrel_layers_text}")
include(${PROJECT_BINARY_DIR}/layers.cmake)
set_property(DIRECTORY ${PROJECT_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
  ${PROJECT_SOURCE_DIR}/scripts/layers.toml ${PROJECT_SOURCE_DIR}/cmake/layers.py)

add_library(carrel_settings INTERFACE)
target_compile_features(carrel_settings INTERFACE cxx_std_20)
target_compile_options(carrel_settings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Werror
  $<$<COMPILE_LANGUAGE:CXX>:-Wold-style-cast>
  -fstack-protector-strong -fcf-protection=full -fPIC
  $<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE>
  $<$<NOT:$<OR:$<CONFIG:Debug>,$<BOOL:$<TARGET_PROPERTY:CARREL_IS_TEST>>>>:-D_FORTIFY_SOURCE=2>)
target_link_options(carrel_settings INTERFACE -Wl,-z,relro,-z,now -Wl,-z,noexecstack)
target_include_directories(carrel_settings INTERFACE ${PROJECT_SOURCE_DIR})
if(CARREL_SANITIZE)
  target_compile_options(carrel_settings INTERFACE -fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
  target_link_options(carrel_settings INTERFACE -fsanitize=address,undefined)
endif()
if(CARREL_FUZZ)
  target_compile_options(carrel_settings INTERFACE -fsanitize=fuzzer-no-link,address,undefined -fno-omit-frame-pointer
    -fno-sanitize-recover=undefined -U_FORTIFY_SOURCE -Wno-error)
  target_link_options(carrel_settings INTERFACE -fsanitize=address,undefined)
endif()

function(carrel_check_uses who uses)
  string(REPLACE "/" "_" key ${who})
  foreach(use IN LISTS uses)
    if(NOT use IN_LIST CARREL_USES_${key})
      message(FATAL_ERROR "${who} may not use ${use}: scripts/layers.toml does not list it")
    endif()
  endforeach()
endfunction()

# carrel_component(SOURCES a.cc … [USES comp …] [PRIVATE_USES comp …] [SYSTEM libs …] [PROTO x.proto])
# The component's name is its folder. USES are checked against scripts/layers.toml.
function(carrel_component)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "" "SOURCES;USES;SYSTEM;SYSTEM_PUBLIC;PROTO")
  file(RELATIVE_PATH name ${PROJECT_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR})
  if(NOT name IN_LIST CARREL_COMPONENTS)
    message(FATAL_ERROR "${name} is not in scripts/layers.toml")
  endif()
  string(REPLACE "/" "_" key ${name})
  carrel_check_uses(${name} "${arg_USES}")
  if(arg_SOURCES OR arg_PROTO)
    add_library(carrel_${key} STATIC ${arg_SOURCES})
    set(scope PUBLIC)
    set(inner PRIVATE)
  else()
    add_library(carrel_${key} INTERFACE)
    set(scope INTERFACE)
    set(inner INTERFACE)
  endif()
  target_link_libraries(carrel_${key} ${inner} carrel_settings)
  target_include_directories(carrel_${key} ${scope} ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR}/gen)
  foreach(use IN LISTS arg_USES)
    string(REPLACE "/" "_" use_key ${use})
    target_link_libraries(carrel_${key} ${scope} carrel_${use_key})
  endforeach()
  target_link_libraries(carrel_${key} ${inner} ${arg_SYSTEM})
  target_link_libraries(carrel_${key} ${scope} ${arg_SYSTEM_PUBLIC})
  foreach(proto IN LISTS arg_PROTO)
    get_filename_component(stem ${proto} NAME_WE)
    set(out ${PROJECT_BINARY_DIR}/gen/${name}/${stem})
    add_custom_command(OUTPUT ${out}.pb.cc ${out}.pb.h
      COMMAND ${CMAKE_COMMAND} -E make_directory ${PROJECT_BINARY_DIR}/gen
      COMMAND protoc --cpp_out=lite:${PROJECT_BINARY_DIR}/gen -I ${PROJECT_SOURCE_DIR} ${name}/${proto}
      WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${proto} VERBATIM)
    add_library(carrel_${key}_proto STATIC ${out}.pb.cc ${out}.pb.h)
    target_compile_features(carrel_${key}_proto PUBLIC cxx_std_20)
    target_compile_options(carrel_${key}_proto PRIVATE -w -fPIC -fstack-protector-strong)
    target_include_directories(carrel_${key}_proto SYSTEM PUBLIC ${PROJECT_BINARY_DIR}/gen)
    target_link_libraries(carrel_${key}_proto PUBLIC ${CARREL_PROTOBUF_LITE})
    target_link_libraries(carrel_${key} ${scope} carrel_${key}_proto)
    add_dependencies(carrel_${key} carrel_${key}_proto)
  endforeach()
endfunction()

# carrel_program(NAME carrel SOURCES … USES … [SYSTEM …] [LIBEXEC] [STATIC])
# build/bin/carrel and build/libexec/carrel/<the others>; runnable from there without installing.
# Where it is installed programs find each other the same way: <prefix>/bin and <prefix>/libexec/carrel.
function(carrel_program)
  cmake_parse_arguments(PARSE_ARGV 0 arg "LIBEXEC;STATIC" "NAME" "SOURCES;USES;SYSTEM")
  file(RELATIVE_PATH folder ${PROJECT_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR})
  carrel_check_uses(${folder} "${arg_USES}")
  add_executable(${arg_NAME} ${arg_SOURCES})
  target_link_libraries(${arg_NAME} PRIVATE carrel_settings)
  foreach(use IN LISTS arg_USES)
    string(REPLACE "/" "_" use_key ${use})
    target_link_libraries(${arg_NAME} PRIVATE carrel_${use_key})
  endforeach()
  target_link_libraries(${arg_NAME} PRIVATE ${arg_SYSTEM})
  if(arg_STATIC)
    target_link_options(${arg_NAME} PRIVATE -static)
  else()
    target_link_options(${arg_NAME} PRIVATE -pie -static-libstdc++ -static-libgcc)
  endif()
  if(arg_LIBEXEC)
    set_target_properties(${arg_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/libexec/carrel)
    install(TARGETS ${arg_NAME} RUNTIME DESTINATION libexec/carrel)
  else()
    set_target_properties(${arg_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
    install(TARGETS ${arg_NAME} RUNTIME DESTINATION bin)
  endif()
endfunction()

# Test code is compiled once and run for seconds: no optimisation, and GoogleTest's headers, which cost
# more than most tests, precompiled once for all.
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/test_headers.cc CONTENT "// Carries the precompiled headers of tests.\n")
add_library(carrel_test_headers OBJECT ${PROJECT_BINARY_DIR}/test_headers.cc)
function(carrel_test_options target)
  set_target_properties(${target} PROPERTIES CARREL_IS_TEST ON)
  target_compile_options(${target} PRIVATE -Wno-sign-conversion -Wno-conversion $<$<NOT:$<CONFIG:Debug>>:-O0>)
  target_compile_definitions(${target} PRIVATE
    CARREL_SOURCE_DIR="${PROJECT_SOURCE_DIR}" CARREL_BINARY_DIR="${PROJECT_BINARY_DIR}")
  target_link_libraries(${target} PRIVATE carrel_settings)
endfunction()
carrel_test_options(carrel_test_headers)
target_link_libraries(carrel_test_headers PRIVATE GTest::gmock GTest::gtest)
target_precompile_headers(carrel_test_headers PRIVATE <gmock/gmock.h> <gtest/gtest.h>)

# main() of every program that carrel_test() makes, but for unit and golden tests.
add_library(carrel_test_main OBJECT ${PROJECT_SOURCE_DIR}/tests/support/main.cc)
carrel_test_options(carrel_test_main)
target_precompile_headers(carrel_test_main REUSE_FROM carrel_test_headers)
target_link_libraries(carrel_test_main PRIVATE GTest::gmock GTest::gtest)

# carrel_test(NAME x KIND unit|golden|sandbox|attacks|faults|e2e SOURCES … USES … [SYSTEM …] [NEEDS target…]
#             [TIMEOUT s] [ROOT_ONLY "guarantee=ID: why"])
# One executable, one CTest entry per test case and mode, named KIND.MODE.…; in the mode rootless the program
# is run by an ordinary user (tests/support/main.cc), and of unit and golden as one entry with every privilege
# dropped. ROOT_ONLY leaves that mode out, counted as one skipped test: the program as a whole is about what
# no ordinary user is given. Kinds that change the host for a moment run one at a time. (A label with a
# semicolon would eat the properties behind it.)
function(carrel_test)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME;KIND;TIMEOUT;ROOT_ONLY" "SOURCES;USES;SYSTEM;NEEDS")
  set(target test_${arg_KIND}_${arg_NAME})
  add_executable(${target} ${arg_SOURCES})
  carrel_test_options(${target})
  target_precompile_headers(${target} REUSE_FROM carrel_test_headers)
  foreach(use IN LISTS arg_USES)
    string(REPLACE "/" "_" use_key ${use})
    target_link_libraries(${target} PRIVATE carrel_${use_key})
  endforeach()
  set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  if(arg_NEEDS)
    add_dependencies(${target} ${arg_NEEDS})
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  set(privileged OFF)
  set(serial "")
  if(arg_KIND MATCHES "sandbox|attacks|faults|e2e")
    set(privileged ON)
    set(serial RESOURCE_LOCK host)
    target_link_libraries(${target} PRIVATE carrel_test_main ${arg_SYSTEM} GTest::gmock GTest::gtest)
  else()
    target_link_libraries(${target} PRIVATE ${arg_SYSTEM} GTest::gmock GTest::gtest_main)
  endif()
  gtest_discover_tests(${target} TEST_PREFIX "${arg_KIND}.root." DISCOVERY_MODE PRE_TEST
    PROPERTIES LABELS kind=${arg_KIND} TIMEOUT ${arg_TIMEOUT} ${serial})
  if(arg_ROOT_ONLY)
    add_test(NAME ${arg_KIND}.rootless.${arg_NAME} COMMAND ${CMAKE_COMMAND} -E echo "SKIP ${arg_ROOT_ONLY}")
    set_tests_properties(${arg_KIND}.rootless.${arg_NAME} PROPERTIES
      LABELS "kind=${arg_KIND};mode=rootless" SKIP_REGULAR_EXPRESSION "SKIP guarantee=")
  elseif(privileged)
    gtest_discover_tests(${target} TEST_PREFIX "${arg_KIND}.rootless." DISCOVERY_MODE PRE_TEST
      PROPERTIES LABELS kind=${arg_KIND} TIMEOUT ${arg_TIMEOUT} ${serial} ENVIRONMENT CARREL_TEST_MODE=rootless)
  else()
    # The same cases once more as one run without any privilege: a user namespace with one ordinary id.
    add_test(NAME ${arg_KIND}.rootless.${arg_NAME}
      COMMAND unshare --user --map-user=1000 --map-group=1000 $<TARGET_FILE:${target}> --gtest_brief=1)
    set_tests_properties(${arg_KIND}.rootless.${arg_NAME} PROPERTIES
      LABELS "kind=${arg_KIND};mode=rootless" TIMEOUT ${arg_TIMEOUT})
  endif()
endfunction()

# carrel_python_tests(KIND e2e|faults|attacks FILES x_test.py … [TIMEOUT s])
# Two CTest entries per test method of unittest, found by reading the file: KIND.root.Class.test_x, and
# KIND.rootless.… with CARREL_TEST_MODE=rootless, in which the same test opens workspaces as an ordinary user.
# One that needs_groups(), or runs also_with_groups, has a third, in which that user was handed control groups.
function(carrel_python_tests)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "KIND;TIMEOUT" "FILES")
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 180)
  endif()
  foreach(file IN LISTS arg_FILES)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${file})
    file(STRINGS ${file} lines REGEX "^(class [A-Za-z]+|    @needs_groups|    @also_with_groups|    def test_[a-z0-9_]+)")
    set(class "")
    set(groups "")
    foreach(line IN LISTS lines)
      if(line MATCHES "^class ([A-Za-z]+)")
        set(class ${CMAKE_MATCH_1})
      elseif(line MATCHES "@(needs|also_with)_groups")
        set(groups groups)
      elseif(line MATCHES "def (test_[a-z0-9_]+)")
        set(test ${CMAKE_MATCH_1})
        foreach(mode root rootless ${groups})
          carrel_python_test(${file} ${class}.${test} ${arg_KIND} ${mode} ${arg_TIMEOUT})
        endforeach()
        set(groups "")
      endif()
    endforeach()
  endforeach()
endfunction()

# One entry; of mode `groups`: rootless, in control groups that were handed on to the user.
function(carrel_python_test file test kind mode timeout)
  set(name ${kind}.${mode}.${test})
  set(environment "CARREL_BINARY_DIR=${PROJECT_BINARY_DIR};CARREL_SOURCE_DIR=${PROJECT_SOURCE_DIR};PYTHONPATH=${PROJECT_SOURCE_DIR}/tests/e2e;PYTHONDONTWRITEBYTECODE=1")
  if(mode STREQUAL groups)
    set(mode rootless)
    set(name ${kind}.rootless.${test}.with_groups)
    list(APPEND environment CARREL_TEST_GROUPS=1)
  endif()
  add_test(NAME ${name} COMMAND /usr/bin/python3 ${CMAKE_CURRENT_SOURCE_DIR}/${file} ${test})
  set_tests_properties(${name} PROPERTIES LABELS "kind=${kind};mode=${mode}" TIMEOUT ${timeout}
    RESOURCE_LOCK host SKIP_REGULAR_EXPRESSION "SKIP (kernel-feature|guarantee)="
    ENVIRONMENT "CARREL_TEST_MODE=${mode};${environment}")
endfunction()
