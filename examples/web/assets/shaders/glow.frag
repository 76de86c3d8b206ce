precision mediump float;
varying vec2 at;
void main() { gl_FragColor = vec4(vec3(1.0 - length(at)), 1.0); }
