# What `cmake --install` puts where, as Debian would: the program, the packs that `use` finds from there, the schemas and
# mapping files, and the documentation.
include(GNUInstallDirs)
install(TARGETS rootnote RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/rules/packs" DESTINATION "${CMAKE_INSTALL_DATADIR}/rootnote"
        FILES_MATCHING PATTERN "*.rn")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/schemas/" DESTINATION "${CMAKE_INSTALL_DATADIR}/rootnote/schemas"
        FILES_MATCHING PATTERN "*.json" PATTERN "base" EXCLUDE)
install(DIRECTORY "${PROJECT_SOURCE_DIR}/docs/" DESTINATION "${CMAKE_INSTALL_DOCDIR}" FILES_MATCHING PATTERN "*.md")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/examples" DESTINATION "${CMAKE_INSTALL_DOCDIR}")
