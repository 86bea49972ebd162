# Layer mlxd_grammar: with llguidance, a Rust library, where there is a cargo; else its absence, which refuses grammars.
option(MLXD_GRAMMARS "Build structured output; takes cargo 1.87 or newer" ON)
if(MLXD_GRAMMARS)
  find_program(MLXD_CARGO cargo HINTS "$ENV{HOME}/.cargo/bin" DOC "cargo 1.87 or newer; without it there is no structured output")
endif()

add_library(mlxd_grammar STATIC native/grammar/grammar.h)
target_include_directories(mlxd_grammar PUBLIC "${CMAKE_CURRENT_SOURCE_DIR}/native")
target_link_libraries(mlxd_grammar PUBLIC mlxd_core)

# Sets `header` to the folder of llguidance.h, which comes with the crate; empty when cargo cannot get the crate.
function(mlxd_find_llguidance manifest header)
  set(${header} "" PARENT_SCOPE)
  execute_process(COMMAND ${MLXD_CARGO} metadata --format-version 1 --locked --manifest-path ${manifest}
    OUTPUT_VARIABLE metadata ERROR_VARIABLE problem RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    message(WARNING "No structured output in this build: cargo said\n${problem}")
    return()
  endif()
  string(JSON count LENGTH "${metadata}" packages)
  math(EXPR last "${count} - 1")
  foreach(i RANGE ${last})
    string(JSON name GET "${metadata}" packages ${i} name)
    if(name STREQUAL "llguidance")
      string(JSON path GET "${metadata}" packages ${i} manifest_path)
      cmake_path(GET path PARENT_PATH folder)
      set(${header} "${folder}" PARENT_SCOPE)
      return()
    endif()
  endforeach()
endfunction()

set(crate "${CMAKE_CURRENT_SOURCE_DIR}/native/grammar/crate")
if(MLXD_GRAMMARS AND MLXD_CARGO)
  mlxd_find_llguidance("${crate}/Cargo.toml" llguidance)
endif()
if(llguidance)
  # Beside MLX: it is the same for every build of a checkout, sanitizers or not.
  set(target "${CMAKE_CURRENT_SOURCE_DIR}/.cache/llguidance")
  if(DEFINED ENV{MLXD_CACHE})
    set(target "$ENV{MLXD_CACHE}/llguidance")
  endif()
  set(library "${target}/release/libmlxd_grammar.a")
  add_custom_command(OUTPUT ${library}
    COMMAND ${MLXD_CARGO} build --quiet --release --locked --manifest-path ${crate}/Cargo.toml
      --target-dir ${target}
    DEPENDS ${crate}/Cargo.toml ${crate}/Cargo.lock ${crate}/src/lib.rs
    COMMENT "Compiling llguidance (about a minute)" VERBATIM)
  add_custom_target(mlxd_llguidance DEPENDS ${library})
  add_dependencies(mlxd_grammar mlxd_llguidance)
  target_sources(mlxd_grammar PRIVATE native/grammar/llguidance.cpp native/grammar/byte_pairs.cpp
    native/grammar/deep_stack.cpp)
  target_include_directories(mlxd_grammar SYSTEM PRIVATE ${llguidance})
  target_link_libraries(mlxd_grammar PUBLIC ${library} ${CMAKE_DL_LIBS} Threads::Threads)
else()
  message(STATUS "Structured output is left out")
  target_sources(mlxd_grammar PRIVATE native/grammar/absent.cpp)
endif()
